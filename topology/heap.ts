/** What a heap holds knows its place there, so that it can move when its rank changes. */
export interface Placed {
  at: number
}

/** A binary heap: the item that goes before all others is the first, and an item may change its rank at any time. */
export class Heap<T extends Placed> {
  readonly #before: (one: T, other: T) => boolean
  /** Each item goes before those at 2i + 1 and 2i + 2. */
  readonly items: T[]

  /** Takes over the list, and brings it in order. */
  constructor(before: (one: T, other: T) => boolean, items: T[] = []) {
    this.#before = before
    this.items = items
    for (let i = 0; i < items.length; i++) items[i]!.at = i
    for (let i = (items.length >>> 1) - 1; i >= 0; i--) this.#sink(items[i]!)
  }

  add(item: T): void {
    item.at = this.items.length
    this.items.push(item)
    this.#rise(item)
  }

  /** The rank of `item` has changed. */
  moved(item: T): void {
    this.#rise(item)
    this.#sink(item)
  }

  remove(item: T): void {
    const last = this.items.pop()!
    if (last === item) return
    this.#put(last, item.at)
    this.moved(last)
  }

  /** The first `size` items, in order: O(size^2), for a few of many. */
  first(size: number): T[] {
    const { items } = this
    const found: T[] = []
    const next: T[] = items.slice(0, 1)
    while (found.length < size && next.length > 0) {
      let best = 0
      for (let i = 1; i < next.length; i++) if (this.#before(next[i]!, next[best]!)) best = i
      const item = next[best]!
      found.push(item)
      next.splice(best, 1, ...items.slice(2 * item.at + 1, 2 * item.at + 3))
    }
    return found
  }

  #rise(item: T): void {
    while (item.at > 0) {
      const parent = this.items[(item.at - 1) >>> 1]!
      if (!this.#before(item, parent)) return
      this.#swap(item, parent)
    }
  }

  #sink(item: T): void {
    for (;;) {
      const left = this.items[2 * item.at + 1]
      if (left === undefined) return
      const right = this.items[2 * item.at + 2]
      const child = right !== undefined && this.#before(right, left) ? right : left
      if (!this.#before(child, item)) return
      this.#swap(item, child)
    }
  }

  #swap(one: T, other: T): void {
    const { at } = one
    this.#put(one, other.at)
    this.#put(other, at)
  }

  #put(item: T, at: number): void {
    item.at = at
    this.items[at] = item
  }
}
