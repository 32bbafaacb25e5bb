import type { Analytics, FraudAlert, RejectedPayment } from '../../../schemas/payments/types.ts'
import type { Expected, Position } from './oracle.ts'

/** What a run wrote, read back in the order of each partition. */
export interface Actual {
  readonly alerts: readonly FraudAlert[]
  /** The records of `analytics` with their keys. Only final ones are compared. */
  readonly analytics: Iterable<readonly [string, Analytics]>
  readonly rejected?: readonly RejectedPayment[]
  /** How many records `payments_late` has. */
  readonly late?: number
  readonly duplicates?: number
}

/**
 * How a run differs from what was expected, as lines for people; none when it does not. At most `limit` of each kind.
 */
export function differences(actual: Actual, expected: Expected, limit = 5): string[] {
  const lines = [
    ...compareRecords(
      'alert',
      actual.alerts.map(alert => [alert.alertId, alert]),
      expected.alerts.map(alert => [alert.alertId, alert]),
      limit,
    ),
    ...outOfOrder(actual.alerts).slice(0, limit),
    ...compareRecords(
      'figure',
      [...actual.analytics].filter(([, figure]) => figure.final),
      expected.analytics,
      limit,
    ),
  ]
  if (actual.rejected !== undefined) {
    const rejected = actual.rejected.map(r => [place(r), { codes: r.errors.map(error => error.code) }] as const)
    lines.push(
      ...compareRecords(
        'rejected record',
        rejected,
        expected.rejected.map(r => [place(r), { codes: r.codes }]),
        limit,
      ),
    )
  }
  if (actual.late !== undefined && actual.late !== expected.late.length) {
    lines.push(`${actual.late} late payments, and ${expected.late.length} expected`)
  }
  if (actual.duplicates !== undefined && actual.duplicates !== expected.duplicates.length) {
    lines.push(`${actual.duplicates} duplicates, and ${expected.duplicates.length} expected`)
  }
  return lines
}

/** Compares records by key: missing, unexpected, written twice, or different (with the first field that is). */
export function compareRecords(
  what: string,
  actual: Iterable<readonly [string, unknown]>,
  expected: Iterable<readonly [string, unknown]>,
  limit = 5,
): string[] {
  const wanted = new Map(expected)
  const seen = new Set<string>()
  const kinds: Record<'twice' | 'unexpected' | 'different' | 'missing', string[]> = {
    twice: [],
    unexpected: [],
    different: [],
    missing: [],
  }
  for (const [key, value] of actual) {
    if (seen.has(key)) kinds.twice.push(`${what} ${key} was written twice`)
    else if (!wanted.has(key)) kinds.unexpected.push(`${what} ${key} was not expected: ${JSON.stringify(value)}`)
    else {
      const path = firstDifference(value, wanted.get(key), '')
      if (path !== null) kinds.different.push(`${what} ${key} differs${path}`)
    }
    seen.add(key)
  }
  for (const [key, value] of wanted)
    if (!seen.has(key)) kinds.missing.push(`${what} ${key} is missing: ${JSON.stringify(value)}`)
  return Object.values(kinds).flatMap(lines =>
    lines.length > limit ? [...lines.slice(0, limit), `... and ${lines.length - limit} more like these`] : lines,
  )
}

function firstDifference(actual: unknown, expected: unknown, path: string): string | null {
  if (typeof actual === 'number' && typeof expected === 'number') {
    return sameNumber(actual, expected) ? null : `${path}: ${actual}, expected ${expected}`
  }
  if (typeof actual !== 'object' || typeof expected !== 'object' || actual === null || expected === null) {
    return Object.is(actual, expected) ? null : `${path}: ${show(actual)}, expected ${show(expected)}`
  }
  const names = new Set([...fieldsOf(actual), ...fieldsOf(expected)])
  for (const name of names) {
    const found = firstDifference(Reflect.get(actual, name), Reflect.get(expected, name), `${path}.${name}`)
    if (found !== null) return found
  }
  return null
}

/** Views keep their fields on the prototype, so own names are not enough. */
function fieldsOf(value: object): string[] {
  if (Array.isArray(value)) return [...value.keys()].map(String)
  return Object.keys(JSON.parse(JSON.stringify(value)) as object)
}

/** Integers must be equal; other doubles may differ by the rounding of another order of operations. */
const sameNumber = (a: number, b: number): boolean =>
  a === b ||
  (!(Number.isInteger(a) && Number.isInteger(b)) && Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b)))

const show = (value: unknown): string => JSON.stringify(value) ?? String(value)
const place = ({ partition, offset }: Position): string => `${partition}@${offset}`

/** Alerts of one customer come in the order of their payments. */
function outOfOrder(alerts: readonly FraudAlert[]): string[] {
  const last = new Map<string, number>()
  const lines: string[] = []
  for (const { customerId, alertId, input } of alerts) {
    if ((last.get(customerId) ?? -1) > input.offset)
      lines.push(`alert ${alertId} comes after a later one of ${customerId}`)
    last.set(customerId, input.offset)
  }
  return lines
}
