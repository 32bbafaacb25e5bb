interface Event {
  readonly atUs: number
  readonly order: number
  readonly run: () => void
}

/**
 * Virtual time: one queue of everything that happens. An event runs, then all promises that follow from it, then the
 * next event; so the same seed gives the same order, microtasks included. Time is whole microseconds.
 */
export class Timeline {
  nowUs = 0
  events = 0
  /** Wall clocks are ahead by so much: time that has passed while nothing happened. */
  skippedMs = 0
  readonly #heap: Event[] = []
  #order = 0

  get nowMs(): number {
    return this.nowUs / 1000
  }

  at(atUs: number, run: () => void): void {
    this.#push({ atUs: Math.max(this.nowUs, Math.ceil(atUs)), order: this.#order++, run })
  }

  after(ms: number, run: () => void): void {
    this.at(this.nowUs + ms * 1000, run)
  }

  /** Runs until `isDone`; false when `limitMs` of virtual time is reached before, or nothing is left to happen. */
  async runUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
    await settled()
    while (!isDone()) {
      const next = this.#heap[0]
      if (next === undefined || next.atUs > limitMs * 1000) return false
      this.#pop()
      this.nowUs = next.atUs
      this.events++
      next.run()
      await settled()
    }
    return true
  }

  /** Runs until the promise is settled, and answers as it does. */
  async wait<T>(promise: Promise<T>, limitMs: number, what: string): Promise<T> {
    let isSettled = false
    const settle = (): void => {
      isSettled = true
    }
    promise.then(settle, settle)
    if (!(await this.runUntil(() => isSettled, limitMs))) throw new Error(`${what} took too long.`)
    return promise
  }

  #push(event: Event): void {
    const heap = this.#heap
    let index = heap.length
    heap.push(event)
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(event, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
  }
}

const isBefore = (a: Event, b: Event): boolean => a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order)

/** Node runs the tick queue when the queue of promises is empty, so this resolves after all that is ready. */
const settled = (): Promise<void> => new Promise(resolve => process.nextTick(resolve))
