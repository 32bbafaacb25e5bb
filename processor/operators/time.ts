import type { Root } from '../state/root.ts'

/** Said by an upstream partition that has nothing to send: it is left out until it speaks again. */
export const idleStamp = -2

/**
 * Time behind a repartition topic: the minimum over the upstream partitions of the last stamp of each, never going
 * back.
 * Without it the result would depend on how upstream partitions interleave: a fast one would close the windows of a
 * slow one.
 *
 * ```
 *   upstream 0   12 13 15          stream time here: 12 -> 12 (13) -> 14 -> 15
 *   upstream 1         12 14 18    the slower one holds windows open for both
 * ```
 */
export class AlignedTime {
  readonly #stamps: number[]
  #now = -1
  /** Rises with every stamp: tells whether the stamps have to be written down again. */
  version = 0

  constructor(upstreams: number) {
    this.#stamps = new Array<number>(upstreams).fill(-1)
  }

  /** Takes up what an operator had committed. Several operators agree, but for one that did not commit lately. */
  restore(root: Root): void {
    for (const [upstream, stamp] of root.stamps.entries()) this.#take(upstream, stamp)
    this.#now = Math.max(this.#now, root.streamTime)
  }

  /** Operator stream time. */
  get now(): number {
    return this.#now
  }

  get stamps(): readonly number[] {
    return this.#stamps
  }

  /** Takes a stamp; true when time moved. */
  mark(upstream: number, stamp: number): boolean {
    this.#take(upstream, stamp)
    let least = Infinity
    let heard = false
    for (const known of this.#stamps) {
      if (known === idleStamp) continue
      heard = true
      if (known < least) least = known
    }
    if (!heard || least <= this.#now) return false
    this.#now = least
    return true
  }

  /** The upstream partition that holds time back, for a metric; -1 when there is none. */
  slowest(): number {
    let slowest = -1
    for (const [upstream, stamp] of this.#stamps.entries()) {
      if (stamp !== idleStamp && (slowest < 0 || stamp < this.#stamps[slowest]!)) slowest = upstream
    }
    return slowest
  }

  #take(upstream: number, stamp: number): void {
    const known = this.#stamps[upstream]
    if (known === undefined || known === Infinity) return
    this.version++
    if (stamp === idleStamp || known === idleStamp || stamp > known) this.#stamps[upstream] = stamp
  }
}
