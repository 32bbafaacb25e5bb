import { Buffer } from 'node:buffer'
import type { Analytics, FraudAlert, Payment } from '../../../schemas/payments/types.ts'
import type { Emission, OracleOptions } from './emission.ts'
import { type Accepted, judge, type Judged } from './judge.ts'
import { figuresOf } from './kpis.ts'
import { codesOf } from './validate.ts'

const hour = 3_600_000

/** Where a record stands in the input. */
export interface Position {
  readonly partition: number
  readonly offset: number
}

export interface Expected {
  readonly payments: number
  readonly valid: number
  readonly duplicates: readonly Position[]
  readonly rejected: readonly (Position & { readonly codes: readonly string[] })[]
  /** Too late for the KPIs: they are evaluated all the same. */
  readonly late: readonly Position[]
  /**
   * More than 25 h behind their partition: valid, but neither evaluated nor counted. None, where record times do not
   * go back.
   */
  readonly unevaluated: readonly Position[]
  /** By partition, then offset. */
  readonly alerts: readonly FraudAlert[]
  /** Final figures by their key. */
  readonly analytics: ReadonlyMap<string, Analytics>
  readonly alertsByRule: Readonly<Record<string, number>>
  readonly rejectedByCode: Readonly<Record<string, number>>
}

/**
 * What the fraud application must write for this input, computed another way: plain loops over lists, none of its code.
 * Emissions of one partition are in the order of their offsets.
 */
export function expected(emissions: Iterable<Emission>, options: OracleOptions = {}): Expected {
  const partitions = new Map<number, PartitionResult>()
  let payments = 0
  for (const emission of emissions) {
    payments++
    let partition = partitions.get(emission.partition)
    if (partition === undefined) partitions.set(emission.partition, (partition = newPartition()))
    take(partition, emission, options)
  }
  const ordered = [...partitions].sort(([a], [b]) => a - b).map(([, partition]) => partition)
  const alerts = ordered.flatMap(p => p.alerts)
  const rejected = ordered.flatMap(p => p.rejected)
  return {
    payments,
    valid: ordered.reduce((sum, p) => sum + p.valid, 0),
    duplicates: ordered.flatMap(p => p.duplicates),
    rejected,
    late: ordered.flatMap(p => p.late),
    unevaluated: ordered.flatMap(p => p.unevaluated),
    alerts,
    analytics: figuresOf(ordered.flatMap(p => p.onTime)),
    alertsByRule: tally(alerts.flatMap(alert => alert.hits.map(hit => hit.ruleId))),
    rejectedByCode: tally(rejected.flatMap(({ codes }) => codes)),
  }
}

interface PartitionResult {
  valid: number
  /** The highest event time of a valid payment so far. */
  streamTime: number
  /** By customer: every valid payment in order of event time, then arrival. */
  readonly histories: Map<string, Accepted[]>
  readonly duplicates: Position[]
  readonly rejected: (Position & { codes: string[] })[]
  readonly late: Position[]
  readonly unevaluated: Position[]
  readonly alerts: FraudAlert[]
  readonly onTime: Judged[]
}

const newPartition = (): PartitionResult => ({
  valid: 0,
  streamTime: -1,
  histories: new Map(),
  duplicates: [],
  rejected: [],
  late: [],
  unevaluated: [],
  alerts: [],
  onTime: [],
})

function take(partition: PartitionResult, emission: Emission, options: OracleOptions): void {
  const position = { partition: emission.partition, offset: emission.offset }
  const codes = codesOf(emission)
  if (codes.length > 0) {
    partition.rejected.push({ ...position, codes })
    return
  }
  const payment = emission.payment!
  const accepted: Accepted = { payment, emission }
  let history = partition.histories.get(payment.customerId)
  if (history === undefined) partition.histories.set(payment.customerId, (history = []))
  const known = sameId(history, payment)
  if (known.some(other => sameBody(other.emission, emission))) {
    partition.duplicates.push(position)
    return
  }
  if (known.length > 0) {
    partition.rejected.push({ ...position, codes: ['ERR_DUPLICATE'] })
    return
  }
  partition.valid++
  partition.streamTime = Math.max(partition.streamTime, payment.eventTime)
  const behind = partition.streamTime - payment.eventTime
  if (behind > 25 * hour) partition.unevaluated.push(position)
  else {
    const judged = judge(accepted, history, options)
    if (judged.alert !== null) partition.alerts.push(judged.alert)
    if (behind > 60_000) partition.late.push(position)
    else if (options.figures !== false) partition.onTime.push(judged)
  }
  let place = history.length
  while (place > 0 && history[place - 1]!.payment.eventTime > payment.eventTime) place--
  history.splice(place, 0, accepted)
}

/** What the customer was accepted with under this id, within 25 h to either side. */
function sameId(history: readonly Accepted[], { paymentId, eventTime }: Payment): Accepted[] {
  const found: Accepted[] = []
  for (let i = history.length - 1; i >= 0; i--) {
    const other = history[i]!.payment
    if (other.eventTime < eventTime - 25 * hour) break
    if (other.eventTime <= eventTime + 25 * hour && other.paymentId === paymentId) found.push(history[i]!)
  }
  return found
}

function sameBody(a: Emission, b: Emission): boolean {
  if (a.value && b.value) return Buffer.compare(a.value, b.value) === 0
  return JSON.stringify(a.payment) === JSON.stringify(b.payment)
}

function tally(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
