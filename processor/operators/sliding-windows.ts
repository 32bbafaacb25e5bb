import type { Fold, Folded } from './fold.ts'
import type { Session } from './session-list.ts'

/** A window that an event has changed. */
export interface Changed {
  readonly session: Session
  readonly isNew: boolean
}

/**
 * What an event does to the sliding windows of its key (KIP-450): it enters those that hold its time, and makes up to
 * three: after the event before it (a), with itself as the end (b), and after itself (c).
 *
 * ```
 *            p     t   u            diff 6; t comes after p and u are known
 *        ########                   [p-6, p]
 *          ##################  (a)  [p+1, p+7], if it reaches t
 *      (b)  #######                 [t-6, t]: what the windows before it hold in that time, and t
 *               (c)  #######        [t+1, t+7]: what windows over t hold after it
 * ```
 */
export class KeyWindows {
  readonly #diffMs: number
  readonly #fold: Fold
  readonly #copy: (folded: Folded) => Folded
  #value: unknown = null
  #timestamp = -1
  #openFrom = -1
  #changed: Changed[] = []
  /** The windows of the key after the event, by start. */
  all: Session[] = []
  /** Windows that were closed already, and so did not take the event. */
  refused = 0

  constructor(diffMs: number, fold: Fold, copy: (folded: Folded) => Folded) {
    this.#diffMs = diffMs
    this.#fold = fold
    this.#copy = copy
  }

  /** Adds an event; windows that end before `openFrom` are closed. Answers what has changed, in order. */
  add(known: readonly Session[], value: unknown, timestamp: number, openFrom: number): readonly Changed[] {
    this.#value = value
    this.#timestamp = timestamp
    this.#openFrom = openFrom
    this.#changed = []
    this.all = [...known]
    this.refused = 0
    if (timestamp < this.#diffMs) this.#addEarly()
    else this.#add()
    return this.#changed
  }

  #add(): void {
    const [t, diffMs] = [this.#timestamp, this.#diffMs]
    const near = this.all.filter(({ startMs }) => startMs >= Math.max(0, t - 2 * diffMs) && startMs <= t + 1)
    let after: Folded | null = null
    let left: Session | null = null
    let isVisited = false
    let previous = -1
    for (const window of near.toReversed()) {
      if (window.startMs === t + 1) continue
      if (window.endMs < t) {
        left = window
        previous = window.folded.timestamp
        break
      }
      if (window.endMs > t && !isVisited) {
        isVisited = true
        if (!this.#has(t + 1) && window.folded.timestamp > t) after = this.#copy(window.folded)
      }
      const hadSame = window.endMs === t && window.folded.timestamp === t
      if (window.endMs === t) previous = window.folded.timestamp
      this.#enter(window)
      if (hadSame) return
    }
    if (previous >= 0 && !this.#has(previous + 1) && previous + 1 + diffMs >= t)
      this.#make(previous + 1, this.#fold.start(), true)
    if (!this.#has(t - diffMs)) {
      const begun = left !== null && previous >= t - diffMs ? this.#copy(left.folded) : this.#fold.start()
      this.#make(t - diffMs, begun, true)
    }
    if (after !== null) this.#make(t + 1, after, false)
  }

  /** Before `diff` there is one window from 0, in the place of those that would begin before. */
  #addEarly(): void {
    const t = this.#timestamp
    const first = this.all.find(({ startMs }) => startMs === 0)
    const over = this.all.filter(({ startMs }) => startMs > 0 && startMs <= t)
    const holding = over.at(-1) ?? first
    const after =
      !this.#has(t + 1) && holding !== undefined && holding.folded.timestamp > t ? this.#copy(holding.folded) : null
    const previous = first !== undefined && first.folded.timestamp < t ? first.folded.timestamp : -1
    for (const window of over) this.#enter(window)
    if (after !== null) this.#make(t + 1, after, false)
    if (previous >= 0 && !this.#has(previous + 1)) this.#make(previous + 1, this.#fold.start(), true)
    if (first === undefined) this.#make(0, this.#fold.start(), true)
    else this.#enter(first)
  }

  #has(startMs: number): boolean {
    return this.all.some(window => window.startMs === startMs)
  }

  #enter(session: Session): void {
    if (session.endMs < this.#openFrom) {
      this.refused++
      return
    }
    this.#fold.add(session.folded, this.#value, this.#timestamp)
    this.#changed.push({ session, isNew: false })
  }

  #make(startMs: number, folded: Folded, withEvent: boolean): void {
    const session = { startMs, endMs: startMs + this.#diffMs, folded }
    if (withEvent && session.endMs < this.#openFrom) {
      this.refused++
      return
    }
    if (withEvent) this.#fold.add(folded, this.#value, this.#timestamp)
    let index = this.all.length
    while (index > 0 && this.all[index - 1]!.startMs > startMs) index--
    this.all.splice(index, 0, session)
    this.#changed.push({ session, isNew: true })
  }
}
