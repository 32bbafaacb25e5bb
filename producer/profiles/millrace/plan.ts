import type { Draws } from '../../random.ts'
import { streams } from './streams.ts'

/** Background payments in a block. Quotas hold block by block, so that a short run has some of everything. */
export const blockSize = 2000

/** How often one kind of episode or fault happens. */
export interface Quota {
  readonly name: string
  /** How many for each background payment, 0 to 1. */
  readonly share: number
  /** Slots of the first block in which it may happen, `[from, to)`. Later blocks use all of them. */
  readonly firstBlock: readonly [from: number, to: number]
}

/**
 * Says which background payments carry an episode or a fault. Each kind happens exactly `share` times the number of
 * payments, rounded up at first, so that every kind with a share is in the first block; the slots are drawn. A slot
 * carries one thing at most.
 */
export class Plan {
  readonly #draws: Draws
  readonly #quotas: readonly Quota[]
  #block = -1
  /** By slot: 1 + the index of the quota, 0 for nothing. */
  readonly #slots = new Uint8Array(blockSize)

  constructor(draws: Draws, quotas: readonly Quota[]) {
    let total = 0
    for (const { name, share } of quotas) {
      if (!(share >= 0 && share <= 1)) throw new RangeError(`The share of ${name} is ${share}; shares are 0 to 1.`)
      total += share
    }
    // Above half, the search for free slots would crowd the ones that come last into what is left.
    if (total > 0.5) throw new RangeError(`The shares add up to ${total}; at most half of the payments can be special.`)
    this.#draws = draws
    this.#quotas = quotas
  }

  /** The index of the quota that background payment `index` serves; -1 for none. Ask in ascending order. */
  at(index: number): number {
    const block = Math.floor(index / blockSize)
    if (block !== this.#block) this.#fill(block)
    return this.#slots[index % blockSize]! - 1
  }

  #fill(block: number): void {
    this.#block = block
    this.#slots.fill(0)
    for (const [q, { share, firstBlock }] of this.#quotas.entries()) {
      const perBlock = share * blockSize
      const count = Math.ceil((block + 1) * perBlock) - Math.ceil(block * perBlock)
      const [from, to] = block === 0 ? firstBlock : [0, blockSize]
      for (let i = 0; i < count; i++) {
        const drawn = this.#draws.u(streams.plan, block * 256 + q, i)
        const slot = this.#free(from, to, drawn) ?? this.#free(0, blockSize, drawn)
        if (slot !== undefined) this.#slots[slot] = q + 1
      }
    }
  }

  /** The first free slot of `[from, to)` from a drawn one on, round to the start. */
  #free(from: number, to: number, u: number): number | undefined {
    const size = to - from
    const start = Math.floor(u * size)
    for (let i = 0; i < size; i++) {
      const slot = from + ((start + i) % size)
      if (this.#slots[slot] === 0) return slot
    }
    return undefined
  }
}
