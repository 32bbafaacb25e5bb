/** Lots drawn from a seed: the same seed draws the same (mulberry32). */
export class Draws {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  between(least: number, most: number): number {
    return least + this.next() * (most - least)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.next() * from.length)]!
  }

  /** Draws of their own for one part of a run: what the part draws does not shift what others draw. */
  fork(part: string): Draws {
    let seed = this.#state
    for (let i = 0; i < part.length; i++) seed = Math.imul(seed ^ part.charCodeAt(i), 0x01000193)
    const forked = new Draws(seed ^ 0x5bd1e995)
    forked.next()
    return forked
  }
}
