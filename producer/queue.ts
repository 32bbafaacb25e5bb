/** Things to be done at a time, earliest first; equal times in the order in which they were added. A binary heap. */
export class TimeQueue<T> {
  readonly #times: number[] = []
  readonly #orders: number[] = []
  readonly #items: T[] = []
  #added = 0

  get size(): number {
    return this.#times.length
  }

  /** The earliest time; infinity when nothing is queued. */
  get nextTime(): number {
    return this.#times.length === 0 ? Infinity : this.#times[0]!
  }

  add(time: number, item: T): void {
    let at = this.#times.length
    this.#times.push(time)
    this.#orders.push(this.#added++)
    this.#items.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#before(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  /** Removes and returns the earliest; undefined when nothing is queued. */
  take(): T | undefined {
    const last = this.#times.length - 1
    if (last < 0) return undefined
    this.#swap(0, last)
    this.#times.pop()
    this.#orders.pop()
    const item = this.#items.pop()
    for (let at = 0; ;) {
      const left = 2 * at + 1
      if (left >= last) return item
      const child = left + 1 < last && this.#before(left + 1, left) ? left + 1 : left
      if (!this.#before(child, at)) return item
      this.#swap(child, at)
      at = child
    }
  }

  #before(a: number, b: number): boolean {
    const timeA = this.#times[a]!
    const timeB = this.#times[b]!
    return timeA < timeB || (timeA === timeB && this.#orders[a]! < this.#orders[b]!)
  }

  #swap(a: number, b: number): void {
    const { length } = this.#times
    if (a === b || length < 2) return
    const time = this.#times[a]!
    const order = this.#orders[a]!
    const item = this.#items[a]!
    this.#times[a] = this.#times[b]!
    this.#orders[a] = this.#orders[b]!
    this.#items[a] = this.#items[b]!
    this.#times[b] = time
    this.#orders[b] = order
    this.#items[b] = item
  }
}
