import type { Golden, Result, Row, Step } from './golden.ts'

/** Where a result differs from what is expected, first. */
export interface Mismatch {
  /** The step that shows it: the steps before it and this one are the smallest input of this case that does. */
  readonly step: number
  readonly what: string
  readonly expected: readonly Row[]
  readonly actual: readonly Row[]
}

/** Rows of one step of these topologies come in the order in which a store happens to be scanned. */
const unordered = new Set(['sliding'])

const key = (row: Row): string => JSON.stringify(row)

/** The rows of each step, in the order that counts. */
function byStep(rows: readonly Row[], isUnordered: boolean): ReadonlyMap<number, readonly Row[]> {
  const steps = new Map<number, Row[]>()
  for (const row of rows) {
    const known = steps.get(row[0])
    if (known === undefined) steps.set(row[0], [row])
    else known.push(row)
  }
  if (isUnordered) for (const known of steps.values()) known.sort((a, b) => (key(a) < key(b) ? -1 : 1))
  return steps
}

/** Compares exactly: rows with their steps, times and headers, drops, and whether and where it fails. */
export function mismatchOf(
  golden: Pick<Golden, 'topology' | 'steps'>,
  expected: Result,
  actual: Result,
): Mismatch | null {
  if (actual.errorStep === -1 && expected.errorStep !== -1)
    return { step: 0, what: `refused when defined: ${actual.error}`, expected: [], actual: [] }
  const isUnordered = unordered.has(golden.topology)
  const [theirs, ours] = [byStep(expected.out, isUnordered), byStep(actual.out, isUnordered)]
  for (let step = 0; step < golden.steps.length; step++) {
    const [should, is] = [theirs.get(step) ?? [], ours.get(step) ?? []]
    if (JSON.stringify(should) !== JSON.stringify(is)) return { step, what: 'rows', expected: should, actual: is }
    if (expected.errorStep === step || actual.errorStep === step) return errorAt(step, expected, actual)
  }
  if (expected.dropped === undefined || expected.dropped === actual.dropped) return null
  const what = `dropped: expected ${expected.dropped}, got ${actual.dropped}`
  return { step: golden.steps.length - 1, what, expected: [], actual: [] }
}

function errorAt(step: number, expected: Result, actual: Result): Mismatch | null {
  if (expected.errorStep === actual.errorStep) return null
  const show = ({ error, errorStep }: Result): string => (errorStep === step ? `fails (${error})` : 'does not fail')
  return { step, what: `expected: ${show(expected)}; got: ${show(actual)}`, expected: [], actual: [] }
}

const showHeaders = (headers: unknown): string => (headers === undefined ? '' : ` ${JSON.stringify(headers)}`)

export const showStep = (step: Step): string =>
  'wall' in step
    ? `wall +${step.wall}`
    : `${step.topic} ${step.key}=${step.value}@${step.ts}${showHeaders(step.headers)}`

export const showRow = ([, topic, key, value, timestamp, headers]: Row): string =>
  `${topic} ${key}=${value}@${timestamp}${showHeaders(headers)}`

/** The smallest prefix of the input that shows it, and what differs at its end. */
export function showMismatch({ id, topology, params, steps }: Golden, mismatch: Mismatch): string {
  const prefix = steps.slice(0, mismatch.step + 1)
  const lines = [
    `${id}: ${topology} ${JSON.stringify(params)}: ${mismatch.what}`,
    ...prefix.map((step, index) => `  ${String(index).padStart(3)}  ${showStep(step)}`),
  ]
  if (mismatch.what !== 'rows') return lines.join('\n')
  const list = (rows: readonly Row[]): string => (rows.length === 0 ? 'nothing' : rows.map(showRow).join('  '))
  return [...lines, `  expected  ${list(mismatch.expected)}`, `  got       ${list(mismatch.actual)}`].join('\n')
}
