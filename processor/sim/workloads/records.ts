import type { Draws } from '../draws.ts'
import type { Input, WorkloadOptions } from '../workload.ts'

/** What the small workloads carry. */
export interface Event {
  readonly id: number
  readonly group: string
  readonly amount: number
}

/** How far behind a record may be: a little for most of those out of order, far beyond any grace for a few. */
export const disorderMs = { little: 60, far: 600 } as const

/** A number in [0, count): by `skew` the low ones come more often. */
export const skewed = (draws: Draws, count: number, skew: number): number =>
  Math.min(count - 1, Math.floor(count * draws.next() ** (1 + 4 * skew)))

/** Events of a few keys and groups, some out of order; ids count from 0 in sending order. */
export function eventsFor(
  topic: Input['topic'],
  { draws, records, keys, skew, disorder }: WorkloadOptions,
  farShare = 0.02,
): (Input & { readonly value: Event })[] {
  const made: (Input & { readonly value: Event })[] = []
  let time = 1000
  for (let id = 0; id < records; id++) {
    time += draws.whole(0, 6)
    const behind = draws.chance(farShare)
      ? draws.whole(0, disorderMs.far)
      : draws.chance(disorder)
        ? draws.whole(0, disorderMs.little)
        : 0
    const value = { id, group: `g${draws.whole(0, 8)}`, amount: draws.whole(-50, 1000) }
    made.push({ topic, key: `k${skewed(draws, keys, skew)}`, value, timestamp: Math.max(0, time - behind) })
  }
  return made
}

/** The first few differences between two lists. */
export function listDifferences(what: string, actual: readonly string[], expected: readonly string[]): string[] {
  const lines: string[] = []
  const length = Math.max(actual.length, expected.length)
  for (let i = 0; i < length && lines.length < 3; i++) {
    if (actual[i] !== expected[i])
      lines.push(`${what} #${i}: ${actual[i] ?? 'nothing'}, expected ${expected[i] ?? 'nothing'}`)
  }
  if (actual.length !== expected.length) lines.push(`${what}: ${actual.length} records, expected ${expected.length}`)
  return lines
}

/** Records by partition, in the order in which they come. */
export function byPartition<T extends { readonly partition: number }>(records: readonly T[]): Map<number, T[]> {
  const parts = new Map<number, T[]>()
  for (const record of records) {
    const part = parts.get(record.partition)
    if (part === undefined) parts.set(record.partition, [record])
    else part.push(record)
  }
  return parts
}
