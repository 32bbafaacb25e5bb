import { Buffer } from 'node:buffer'
import { int64, json, text } from '../../schemas/serdes.ts'
import { type Topic, topic } from '../../schemas/topic.ts'
import { count, sum } from '../../topology/counting.ts'
import type { Plan } from '../../topology/plan.ts'
import { topology } from '../../topology/stream.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import type { Kafka } from '../ports.ts'
import { readTopic, type Row } from './read-rows.ts'

// A small application with two sub-topologies, and what it has to write.

export const partitions = 6
const keys = 40
const groups = 5
export interface LedgerTopics {
  readonly payments: Topic<string, number>
  /** Running count and total of each key, in the partition of the key. */
  readonly totals: Topic<string, any>
  /** The same by another key, behind a repartition topic. */
  readonly byGroup: Topic<string, any>
}

const row = json<any>('row', value => value)

export const ledgerTopics = (prefix: string): LedgerTopics => ({
  payments: topic(`${prefix}payments`, text, int64),
  totals: topic(`${prefix}totals`, text, row),
  byGroup: topic(`${prefix}by-group`, text, row),
})

export function ledger({ payments, totals, byGroup }: LedgerTopics): { readonly plan: Plan } {
  const t = topology('ledger')
  const spec = { n: count<number>(), total: sum((value: number) => value) }
  const stream = t.stream(payments)
  stream.groupByKey().aggregate('totals', spec).changes().to(totals)
  stream
    .groupBy(value => `g${value % groups}`, text, int64)
    .aggregate('by-group', spec)
    .changes()
    .to(byGroup)
  return t
}

export async function createLedgerTopics(kafka: Kafka, topics: LedgerTopics): Promise<void> {
  const configs = { 'retention.ms': '-1' }
  await kafka.admin().createTopics(Object.values(topics).map(({ name }) => ({ name, partitions, configs })))
}

/** Payment i says i. */
export const keyOf = (payment: number): string => `k${payment % keys}`

/** What is wrong with what was written, given that `sent` payments came; empty: nothing. */
export async function faultsOf(kafka: Kafka, topics: LedgerTopics, sent: number): Promise<string[]> {
  const faults: string[] = []
  const totals = (await readTopic(kafka, topics.totals.name)).rows
  const wanted: string[][] = Array.from({ length: partitions }, () => [])
  const sums = new Map<string, { n: number; total: number }>()
  for (let payment = 0; payment < sent; payment++) {
    const key = keyOf(payment)
    const bytes = Buffer.from(key)
    wanted[partitionOf(bytes, 0, bytes.length, partitions)]!.push(next(sums, key, payment))
  }
  for (const [partition, lines] of wanted.entries()) {
    const found = totals.filter(each => each.partition === partition).map(shown)
    const at = lines.findIndex((line, index) => line !== found[index])
    if (at >= 0) faults.push(`totals-${partition}, result ${at}: ${found[at] ?? 'nothing'} instead of ${lines[at]}`)
    if (found.length > lines.length) faults.push(`totals-${partition} has ${found.length - lines.length} too many`)
  }
  // Their order depends on how the upstream partitions interleave; but each is counted once, and in the end all are.
  const rows = (await readTopic(kafka, topics.byGroup.name)).rows
  for (let group = 0; group < groups; group++) {
    const own = rows
      .filter(({ key }) => key!.toString() === `g${group}`)
      .map(({ value }) => JSON.parse(value!.toString()))
    const payments = Array.from({ length: sent }, (_, payment) => payment).filter(payment => payment % groups === group)
    const at = own.findIndex(({ n }, index) => n !== index + 1)
    if (at >= 0 || own.length !== payments.length)
      faults.push(`group ${group}: ${own.length} results instead of ${payments.length}, the first wrong one is ${at}`)
    const total = payments.reduce((all, payment) => all + payment, 0)
    if (own.at(-1)?.total !== total) faults.push(`group ${group}: the total is ${own.at(-1)?.total}, not ${total}`)
  }
  return faults
}

function next(sums: Map<string, { n: number; total: number }>, key: string, payment: number): string {
  const { n, total } = sums.get(key) ?? { n: 0, total: 0 }
  const after = { n: n + 1, total: total + payment }
  sums.set(key, after)
  return `${key} ${JSON.stringify(after)}`
}

const shown = ({ key, value }: Row): string => `${key!.toString()} ${value!.toString()}`
