import type { SlotStore } from '../state/slots.ts'
import type { AlignedTime } from './time.ts'

/**
 * Stream time as an operator knows it: that of its repartition topic, or the greatest timestamp that it has seen. It
 * never goes back, and is kept in the root of the operator's store, where whoever is told of a new time writes it.
 */
export class StreamTime {
  readonly #slots: SlotStore<any>
  readonly #aligned: AlignedTime | null
  readonly #advance: (time: number) => void

  /** `advance` is called with each later time, before it is the operator's. */
  constructor(slots: SlotStore<any>, aligned: AlignedTime | null, advance: (time: number) => void) {
    this.#slots = slots
    this.#aligned = aligned
    this.#advance = advance
    slots.follow(aligned)
  }

  /** Stream time with an event of `timestamp` in it. */
  observe(timestamp: number): number {
    const { root } = this.#slots
    const time = this.#aligned === null ? Math.max(root.streamTime, timestamp) : this.#aligned.now
    if (time > root.streamTime) this.#advance(time)
    return root.streamTime
  }

  /** The time of the repartition topic has moved. */
  onTime(): void {
    const time = this.#aligned?.now ?? -1
    if (time > this.#slots.root.streamTime) this.#advance(time)
  }

  /** The input has come to its end: behind a repartition topic that is told by its time. */
  onEnd(): void {
    if (this.#aligned === null) this.#advance(Infinity)
  }
}
