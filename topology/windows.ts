import { TopologyError } from './errors.ts'

/**
 * Whole milliseconds, or a whole number with its unit: `250`, `'250ms'`, `'20s'`, `'5m'`, `'1h'`, `'30d'`. A day is 24
 * hours.
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

/** The time a window covers: `startMs` inclusive, `endMs` exclusive; of a session it is the time of its last event. */
export interface Span {
  readonly startMs: number
  readonly endMs: number
}

/** A window of which nothing is left. */
export interface Deleted extends Span {
  readonly deleted: true
}

/** A window as the engine runs it; all in milliseconds. Tumbling: `advanceMs` equals `sizeMs`. */
export interface WindowShape {
  readonly sizeMs: number
  readonly advanceMs: number
  readonly graceMs: number
}

export type Window = { readonly kind: 'tumbling' | 'hopping' } & WindowShape

export interface SessionWindow {
  readonly kind: 'session'
  readonly gapMs: number
  readonly graceMs: number
  /** How long after its end a session is kept; at least `gapMs + graceMs`. */
  readonly retentionMs: number
}

export interface SlidingWindow {
  readonly kind: 'sliding'
  readonly diffMs: number
  readonly graceMs: number
  /** How long windows are kept, so that others can be made of them; at least `2 * diffMs + graceMs`. */
  readonly retentionMs: number
}

export type AnyWindow = Window | SessionWindow | SlidingWindow

const unitsMs: ReadonlyMap<string, number> = new Map([
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

/**
 * `duration` in milliseconds. Throws a `TopologyError` that names `what` when it is not a whole number of milliseconds
 * of at least 1, or when it is beyond the safe integers.
 */
export function durationMs(duration: Duration, what: string): number {
  const ms = anyDurationMs(duration, what)
  if (ms === 0) throw new TopologyError(`${what} is ${show(duration)}. It must be at least one millisecond.`)
  return ms
}

/** As `durationMs`, but zero is allowed; absent is zero. */
export const graceMs = (grace: Duration | undefined, what: string): number =>
  grace === undefined ? 0 : anyDurationMs(grace, what)

/**
 * Windows of one size, end to end; each record is in exactly one. Starts are multiples of `size` since 1970.
 *
 * ```
 * 0.........10........20
 * [        )[         )    9 is in the first, 10 in the second
 * ```
 *
 * A window takes records until stream time reaches its end plus `grace` (default 0).
 */
export function tumbling(size: Duration, options: { readonly grace?: Duration } = {}): Window {
  const sizeMs = durationMs(size, 'The size of a tumbling window')
  return {
    kind: 'tumbling',
    sizeMs,
    advanceMs: sizeMs,
    graceMs: graceMs(options.grace, 'The grace of a tumbling window'),
  }
}

/**
 * Windows of one size that start `every` so often, and so overlap; starts are multiples of `every` since 1970.
 *
 * ```
 * 0....4....8....12...16
 * [          )               size 10, every 4:
 *      [          )          9 is in all three
 *           [          )
 * ```
 */
export function hopping(size: Duration, options: { readonly every: Duration; readonly grace?: Duration }): Window {
  const sizeMs = durationMs(size, 'The size of a hopping window')
  const advanceMs = durationMs(options.every, "'every' of a hopping window")
  if (advanceMs > sizeMs) {
    throw new TopologyError(
      `A hopping window of ${show(size)} every ${show(options.every)} leaves gaps: records between two windows ` +
        'would be in none. ' +
        "Make 'every' at most the size.",
    )
  }
  return { kind: 'hopping', sizeMs, advanceMs, graceMs: graceMs(options.grace, 'The grace of a hopping window') }
}

/**
 * Windows of Kafka Streams' kind (KIP-450): from one event to those up to `diff` later, both ends inclusive, one for
 * each different content. Every window that holds an event is written for it; to know for each event what its key did
 * lately, `trailing` costs far less.
 *
 * ```
 * 0....5....10...15...20       diff 5; a@8, b@10
 *    ######                    [3,8]   = a
 *      ######                  [5,10]  = ab
 *          ######              [9,14]  = b
 * ```
 *
 * A window takes events until stream time is beyond its end plus `grace` (default 0).
 */
export function sliding(
  diff: Duration,
  options: { readonly grace?: Duration; readonly retention?: Duration } = {},
): SlidingWindow {
  const diffMs = durationMs(diff, 'The difference of a sliding window')
  const grace = graceMs(options.grace, 'The grace of a sliding window')
  const least = 2 * diffMs + grace
  return { kind: 'sliding', diffMs, graceMs: grace, retentionMs: retained('sliding', options.retention, least) }
}

/**
 * Windows that grow with their events: an event within `gap` of a session (both inclusive) joins it, one that lies
 * between two sessions makes one of them. `startMs` and `endMs` are the times of the first and the last event.
 *
 * ```
 * 0....5....10...15...20...    gap 5
 *           a     b     c      [10,10] [16,16] [22,22]
 *           a  d  b     c      d at 13 makes [10,16] of the first two
 * ```
 *
 * A session takes events until stream time is beyond its end plus `gap` and `grace` (default 0). With `changes()`, a
 * session that became part of another one is told as deleted. `retention` keeps closed sessions for longer: an event
 * that is not late itself can still reach them.
 */
export function session(
  gap: Duration,
  options: { readonly grace?: Duration; readonly retention?: Duration } = {},
): SessionWindow {
  const gapMs = durationMs(gap, 'The gap of a session window')
  const grace = graceMs(options.grace, 'The grace of a session window')
  const least = gapMs + grace
  return { kind: 'session', gapMs, graceMs: grace, retentionMs: retained('session', options.retention, least) }
}

function retained(kind: string, retention: Duration | undefined, leastMs: number): number {
  if (retention === undefined) return leastMs
  const retentionMs = durationMs(retention, `The retention of a ${kind} window`)
  if (retentionMs >= leastMs) return retentionMs
  throw new TopologyError(
    `The retention of a ${kind} window is ${show(retention)}, and windows are needed for ${leastMs} ms. Make ` +
      "'retention' at least that, or leave it out.",
  )
}

function anyDurationMs(duration: Duration, what: string): number {
  const ms = typeof duration === 'number' ? duration : parse(duration, what)
  if (!Number.isSafeInteger(ms) || ms < 0) {
    throw new TopologyError(
      `${what} is ${show(duration)}. Give a whole number of milliseconds that is not negative, or text such as ` +
        `'20s' or '5m'.`,
    )
  }
  return ms
}

function parse(text: string, what: string): number {
  const match = /^(\d+)([a-z]+)$/.exec(text)
  if (match === null) {
    throw new TopologyError(
      `${what} is '${text}'. Give a whole number and its unit, without a sign, such as '20s' or '5m'.`,
    )
  }
  const unitMs = unitsMs.get(match[2]!)
  if (unitMs === undefined) {
    throw new TopologyError(`${what} is '${text}', and '${match[2]!}' is no unit of time. Use ms, s, m, h or d.`)
  }
  return Number(match[1]!) * unitMs
}

const show = (duration: Duration): string => (typeof duration === 'number' ? String(duration) : `'${duration}'`)
