/**
 * Picks an item in proportion to its weight: the first whose cumulative weight exceeds u times the sum. A guide table
 * (Chen and Asau, 1974) says where to start looking, so that a pick takes constant time for any number of items.
 */
export class WeightedChoice {
  readonly #cumulative: Float64Array
  readonly #guide: Int32Array
  readonly #total: number

  /** @param weights not negative, at least one above 0 */
  constructor(weights: ArrayLike<number>) {
    this.#cumulative = new Float64Array(weights.length)
    let total = 0
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i]!
      if (!(weight >= 0)) throw new RangeError(`Weight ${i} is ${weight}; weights are 0 or more.`)
      total += weight
      this.#cumulative[i] = total
    }
    if (!(total > 0)) throw new RangeError('No weight is above 0: there is nothing to pick.')
    this.#total = total
    this.#guide = new Int32Array(weights.length)
    let item = 0
    for (let slot = 0; slot < weights.length; slot++) {
      // One slot earlier than exact: a rounded product must never start behind its item.
      while (this.#cumulative[item]! <= (Math.max(slot - 1, 0) / weights.length) * total) item++
      this.#guide[slot] = item
    }
  }

  /** @param u in [0, 1) */
  pick(u: number): number {
    const target = u * this.#total
    let item = this.#guide[Math.floor(u * this.#guide.length)]!
    while (this.#cumulative[item]! <= target) item++
    return item
  }
}
