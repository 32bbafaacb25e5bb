import { expect, test } from 'vitest'
import { partitionOf } from '../../processor/kafka/native/murmur2.ts'
import { expected, type Expected } from '../../topology/fraud/oracle/oracle.ts'
import type { Damage, Emission } from '../emission.ts'
import { drillExpected } from './drill.expected.ts'
import { drillEmissions } from './drill.ts'
import { Millrace } from './millrace.ts'

// What the profiles say about their records, held against the oracle of the fraud application.

const failures: Readonly<Record<Damage, string>> = {
  TRUNCATED: 'ERR_DECODE',
  MAGIC: 'ERR_FRAME',
  SHORT: 'ERR_FRAME',
  SCHEMA: 'ERR_SCHEMA',
  NULL: 'ERR_EMPTY',
  ZERO: 'ERR_EMPTY',
}

/** The oracle's answer, and what the profile says, as lines that can be compared. */
function compare(emissions: readonly Emission[], partitions: number): { oracle: Expected; wrong: string[] } {
  const offsets = new Array<number>(partitions).fill(0)
  const placed = emissions.map(emission => {
    const key = Buffer.from(emission.key ?? '')
    const partition =
      emission.key === null ? emission.partitionHint % partitions : partitionOf(key, 0, key.length, partitions)
    return { emission, place: { topic: 'payments', partition, offset: offsets[partition]!++ } }
  })
  const oracle = expected(
    placed.map(({ emission: { key, timestamp, payment, damage }, place }) => ({
      ...place,
      key,
      recordTime: timestamp,
      payment: damage === null ? payment : null,
      ...(damage === null ? {} : { failure: failures[damage] }),
    })),
  )
  const at = ({ partition, offset }: { partition: number; offset: number }): string => `${partition}@${offset}`
  const answers = new Map<string, string>([
    ...oracle.late.map(place => [at(place), 'late '] as const),
    ...oracle.duplicates.map(place => [at(place), 'duplicate '] as const),
    ...oracle.rejected.map(place => [at(place), `rejected ${place.codes.join()}`] as const),
  ])
  const wrong = placed.flatMap(({ emission, place }) => {
    const said = `${emission.expect!.kind} ${emission.expect!.codes.join()}`
    const answer = answers.get(at(place)) ?? 'valid '
    return said === answer ? [] : [`${emission.payment.paymentId}: ${said}, but the oracle says ${answer}`]
  })
  return { oracle, wrong }
}

test.for([1, 6])('the drill, in %i partitions', partitions => {
  const { oracle, wrong } = compare(drillEmissions(), partitions)
  expect(wrong).toEqual([])
  const { payments, valid, alertsByRule, rejectedByCode } = oracle
  expect({ payments, valid, alertsByRule, rejectedByCode }).toEqual({
    payments: drillExpected.payments,
    valid: drillExpected.valid,
    alertsByRule: drillExpected.alertsByRule,
    rejectedByCode: drillExpected.rejectedByCode,
  })
  const levels = Object.fromEntries(Object.keys(drillExpected.alertsByLevel).map(level => [level, 0]))
  for (const { level } of oracle.alerts) levels[level]!++
  expect(levels).toEqual(drillExpected.alertsByLevel)
  expect(oracle.alerts.length).toBe(drillExpected.alerts)
})

test.for([1, 6])('the default profile, in %i partitions', { timeout: 60_000 }, partitions => {
  for (const seed of [7, 42]) {
    const source = new Millrace({ seed })
    const { oracle, wrong } = compare(
      Array.from({ length: 6000 }, () => source.next()),
      partitions,
    )
    expect(wrong).toEqual([])
    expect(Object.keys(oracle.alertsByRule).length).toBe(5)
    expect(Object.keys(oracle.rejectedByCode).length).toBe(12)
  }
})
