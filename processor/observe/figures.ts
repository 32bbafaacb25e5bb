import { payments } from '../../schemas/payments/topics.ts'
import { Outcomes } from './outcomes.ts'
import { type Readings, total, totals } from './readings.ts'

/** What a run of the flagship has come to. Everything is committed. */
export interface Figures {
  readonly payments: number
  readonly valid: number
  readonly rejected: number
  readonly duplicates: number
  readonly late: number
  readonly alerts: number
  readonly alertsByRule: Readonly<Record<string, number>>
  readonly rejectedByCode: Readonly<Record<string, number>>
  /** Records of `analytics`. */
  readonly analytics: number
}

/** Counts of the engine for what was read, of the output topics for what was written. */
export function figuresOf(readings: Readings, written: Outcomes | null): Figures {
  const outcomes = written ?? new Outcomes()
  const counter = (name: string): number => total(readings, counts => counts.counters, name)
  let deadLetters = 0
  for (const count of totals(readings, counts => counts.rejected).values()) deadLetters += count
  return {
    payments: total(readings, counts => counts.records, payments.name),
    valid: counter('valid'),
    rejected: counter('rejected') + deadLetters,
    duplicates: counter('duplicates'),
    late: outcomes.late,
    alerts: outcomes.alerts,
    alertsByRule: sorted(outcomes.alertsByRule),
    rejectedByCode: sorted(outcomes.rejectedByCode),
    analytics: outcomes.analytics,
  }
}

/** By name, so that two runs show the same order. */
const sorted = (counts: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))

/** What does not add up after everything was read to its end; empty: all does. */
export function imbalances(figures: Figures, outcomes: Outcomes): readonly string[] {
  const { payments: read, valid, rejected, duplicates } = figures
  const found: string[] = []
  if (read !== valid + rejected + duplicates) {
    found.push(
      `${read} payments were read, but ${valid} valid + ${rejected} rejected + ${duplicates} duplicates were counted`,
    )
  }
  if (outcomes.rejected !== rejected)
    found.push(`${rejected} payments were rejected, but payments_rejected holds ${outcomes.rejected}`)
  return found
}
