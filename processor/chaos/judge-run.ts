import type { Registry } from '../../schemas/registry.ts'
import { compile } from '../../topology/compile.ts'
import { internalTopics } from '../../topology/names.ts'
import type { Kafka } from '../ports.ts'
import { flagship, type FlagshipTopics } from '../testing/flagship-testing.ts'
import { partitionsOf } from '../testing/read-rows.ts'
import { readWritten, type Written } from '../testing/written-testing.ts'
import type { Aborted } from './aborted.ts'
import type { Feeder } from './feeder.ts'
import type { Nemesis } from './nemesis.ts'
import type { Replicas } from './replicas.ts'
import { verdictOn } from './verdict.ts'
import type { Witness } from './witness.ts'

// What is to be said when all is over: everything is read again, and compared.

export interface ChaosResult {
  readonly records: number
  readonly lost: number
  readonly duplicated: number
  readonly outOfOrder: number
  readonly kills: number
  readonly brokerKills: number
  readonly zombies: number
  readonly abortedRecords: number
  /** Generations of the group. */
  readonly rebalances: number
  readonly recoveriesMs: { readonly p50: number; readonly p99: number; readonly max: number }
}

export interface ChaosRun {
  readonly result: ChaosResult
  /** Everything that is not as it should be, for people; none: the run has passed. */
  readonly faults: readonly string[]
}

/** All that takes part in a run. */
export interface Scene {
  readonly kafka: Kafka
  readonly registry: Registry
  readonly topics: FlagshipTopics
  readonly application: string
  readonly replicas: Replicas
  readonly nemesis: Nemesis
  readonly witness: Witness
  readonly aborted: Aborted
  readonly feeder: Feeder
}

const linesMost = 20

/** The value that a share of `values` does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return Math.round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0)
}

/** From the kill of a replica until every partition went on, with or without its state. */
export const ofKills = ({ recoveriesMs }: Pick<Nemesis, 'recoveriesMs'>): readonly number[] => [
  ...(recoveriesMs.get('kill') ?? []),
  ...(recoveriesMs.get('killAndDeleteState') ?? []),
]

export const summary = (values: readonly number[]) => ({
  p50: percentile(values, 0.5),
  p99: percentile(values, 0.99),
  max: percentile(values, 1),
})

/** Partitions whose end no read_committed reader reaches. */
async function hangingTransactions(kafka: Kafka, topics: readonly string[]): Promise<string[]> {
  const partitions = (await Promise.all(topics.map(topic => partitionsOf(kafka, topic)))).flat()
  const stable = await kafka.admin().offsets(partitions, 'latest', 'read_committed')
  const ends = await kafka.admin().offsets(partitions, 'latest', 'read_uncommitted')
  return ends
    .filter((end, index) => stable[index]!.offset !== end.offset)
    .map(({ topic, partition }) => `a transaction was left open in ${topic} ${partition}`)
}

async function uncommitted(kafka: Kafka, application: string, input: string): Promise<string[]> {
  const partitions = await partitionsOf(kafka, input)
  const ends = await kafka.admin().offsets(partitions, 'latest', 'read_uncommitted')
  const committed = await kafka.admin().committed(application, partitions)
  return ends
    .filter(({ partition, offset }) => committed.find(at => at.partition === partition)?.offset !== offset)
    .map(({ partition, offset }) => `partition ${partition} of the input ends at ${offset}, and is not committed there`)
}

const rowsOf = (written: Written, { topics }: Scene) =>
  new Map([
    [topics.alerts.name, written.alerts.map(({ row }) => row)],
    [topics.analytics.name, written.analytics.map(({ row }) => row)],
    [topics.rejected.name, written.rejected.map(({ row }) => row)],
    [topics.late.name, written.late.map(({ row }) => row)],
  ])

export async function judgeRun(scene: Scene, say: (line: string) => void): Promise<ChaosRun> {
  const { kafka, registry, topics, application, replicas, nemesis, witness, feeder } = scene
  say('reading everything again')
  const outputs = [topics.alerts, topics.analytics, topics.rejected, topics.late].map(topic => topic.name)
  const internal = internalTopics(compile(flagship('')), application)
  const faults = [...replicas.surprises]
  faults.push(...(await hangingTransactions(kafka, [...outputs, ...internal])))
  faults.push(...(await uncommitted(kafka, application, topics.payments.name)))
  const written = await readWritten(kafka, registry, topics)
  const ends = await kafka
    .admin()
    .offsets((await Promise.all(outputs.map(topic => partitionsOf(kafka, topic)))).flat(), 'latest', 'read_committed')
  const unlike = await witness.finish(rowsOf(written, scene), ends)
  faults.push(...witness.doubles.slice(0, linesMost), ...unlike.slice(0, linesMost))
  const verdict = await verdictOn(written, topics, registry)
  faults.push(...verdict.lines)
  const { lost, duplicated, outOfOrder, records, want } = verdict
  const abortedRecords = await scene.aborted.finish()
  // A run in which nothing was ever under way proves nothing.
  if (abortedRecords === 0) faults.push('no transaction was ever aborted with records in it: no fault has hit')
  if (want.alerts.length === 0 || want.analytics.size === 0) faults.push('the input was too short for any result')
  say(
    `${feeder.sent} payments sent (${feeder.resent} batches again), ${want.alerts.length} alerts, ` +
      `${want.analytics.size} figures, ${want.rejected.length} rejected, ${want.late.length} late, ` +
      `${want.duplicates.length} duplicates of the input`,
  )
  const { kills, brokerKills, zombies, recoveriesMs } = nemesis
  for (const [kind, times] of recoveriesMs) {
    say(`${times.length} x ${kind}: all partitions went on after ${JSON.stringify(summary(times))} ms`)
  }
  const rebalances = replicas.generations.size
  return {
    faults,
    result: {
      records,
      lost,
      duplicated,
      outOfOrder,
      kills,
      brokerKills,
      zombies,
      abortedRecords,
      rebalances,
      recoveriesMs: summary(ofKills(nemesis)),
    },
  }
}
