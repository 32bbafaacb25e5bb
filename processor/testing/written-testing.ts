import type { Buffer } from 'node:buffer'
import { plain } from '../../schemas/avro.ts'
import type { Analytics, FraudAlert, Payment, RejectedPayment } from '../../schemas/payments/types.ts'
import type { Registry } from '../../schemas/registry.ts'
import type { Topic } from '../../schemas/topic.ts'
import { compareRecords, differences } from '../../topology/fraud/oracle/compare.ts'
import type { Emission } from '../../topology/fraud/oracle/emission.ts'
import { type Expected, expected } from '../../topology/fraud/oracle/oracle.ts'
import type { Kafka } from '../ports.ts'
import { bind, type FlagshipTopics } from './flagship-testing.ts'
import { readTopic, type Row } from './read-rows.ts'

// What the flagship wrote, read committed, against what the oracle computes from its input.

export interface Decoded<T> {
  readonly row: Row
  readonly value: T
}

export interface Written {
  readonly input: readonly Row[]
  readonly alerts: readonly Decoded<FraudAlert>[]
  readonly analytics: readonly Decoded<Analytics>[]
  readonly rejected: readonly Decoded<RejectedPayment>[]
  readonly late: readonly Decoded<Payment>[]
}

async function decoded<T>(kafka: Kafka, registry: Registry, of: Topic<any, any>): Promise<Decoded<T>[]> {
  const [serde, { rows }] = [await bind(of, registry), await readTopic(kafka, of.name)]
  return rows.map(row => ({ row, value: plain(serde.read(row.value!, 0, row.value!.length)) as T }))
}

export async function readWritten(kafka: Kafka, registry: Registry, topics: FlagshipTopics): Promise<Written> {
  return {
    input: (await readTopic(kafka, topics.payments.name)).rows,
    alerts: await decoded(kafka, registry, topics.alerts),
    analytics: await decoded(kafka, registry, topics.analytics),
    rejected: await decoded(kafka, registry, topics.rejected),
    late: await decoded(kafka, registry, topics.late),
  }
}

/** Everything in which the output differs from what the oracle says; and what the oracle says. */
export function judge(written: Written, emissions: readonly Emission[]): { lines: string[]; want: Expected } {
  const want = expected(emissions)
  const actual = {
    alerts: written.alerts.map(({ value }) => value),
    analytics: written.analytics.map(({ row, value }) => [keyOf(row), value] as const),
    rejected: written.rejected.map(({ value }) => value),
    late: written.late.length,
  }
  const sent = new Map(emissions.map(emission => [at(emission), emission]))
  const late = compareRecords(
    'late payment',
    written.late.map(({ value }) => [value.paymentId, value] as const),
    want.late.map(place => [sent.get(at(place))!.payment!.paymentId, sent.get(at(place))!.payment] as const),
  )
  const lines = [
    ...differences(actual, want),
    ...late,
    ...misplaced(written, emissions),
    ...wrongKeys(written),
    ...changedBytes(written),
    ...notFinal(written),
  ]
  return { lines, want }
}

const keyOf = ({ key }: Row): string => key?.toString() ?? ''
const at = ({ partition, offset }: { partition: number; offset: number }): string => `${partition}@${offset}`

/** Records of one key stand in one partition, in the order of the input records that they come from. */
function misplaced({ alerts, rejected, late }: Written, emissions: readonly Emission[]): string[] {
  const offsets = new Map<string, number>()
  const lines: string[] = []
  // The first of an id: what comes after it is a duplicate or a conflict.
  const offsetOf = new Map(emissions.toReversed().map(({ payment, offset }) => [payment?.paymentId, offset]))
  const check = (what: string, { row }: Decoded<unknown>, offset: number): void => {
    const key = `${what} ${row.key?.toString('hex')}`
    for (let other = 0; other < row.partition; other++) {
      if (offsets.has(`${key} ${other}`)) lines.push(`${key} stands in partitions ${other} and ${row.partition}`)
    }
    const last = offsets.get(`${key} ${row.partition}`) ?? -1
    if (offset <= last) lines.push(`${key}: input offset ${offset} comes after ${last}`)
    offsets.set(`${key} ${row.partition}`, offset)
  }
  for (const alert of alerts) check('alert', alert, alert.value.input.offset)
  for (const one of late) check('late', one, offsetOf.get(one.value.paymentId) ?? -1)
  // Records without a key are spread by their input partition, and in order within it.
  for (const one of rejected) if (one.row.key !== null) check('rejected', one, one.value.offset)
  return lines
}

function wrongKeys({ alerts, rejected, late }: Written): string[] {
  return [
    ...alerts.filter(({ row, value }) => keyOf(row) !== value.customerId),
    ...late.filter(({ row, value }) => keyOf(row) !== value.customerId),
    ...rejected.filter(({ row, value }) => !sameBytes(row.key, value.key)),
  ].map(({ row }) => `the key ${keyOf(row)} is not that of its value`)
}

/** A rejected record carries the bytes that came in; those with card data are none of this generator's. */
function changedBytes({ rejected, input }: Written): string[] {
  const rows = new Map(input.map(row => [at(row), row]))
  return rejected
    .filter(({ value }) => {
      const original = rows.get(at(value))!
      return (
        !sameBytes(original.key, value.key) ||
        !sameBytes(original.value, value.value) ||
        original.timestamp !== value.recordTime
      )
    })
    .map(({ value }) => `the rejected record ${at(value)} does not have its original bytes`)
}

const sameBytes = (a: Buffer | null, b: Buffer | null): boolean =>
  a === null || b === null ? a === b : a.length === b.length && a.equals(b)

/** Only final figures are written. */
const notFinal = ({ analytics }: Written): string[] =>
  analytics.filter(({ value }) => !value.final).map(({ row }) => `the figure ${keyOf(row)} is not final`)
