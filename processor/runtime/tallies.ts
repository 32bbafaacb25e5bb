import { type Counter, newCounter } from '../operators/operator.ts'

/** Counts of one task. They follow the transaction: what an aborted one counted is taken back. */
export class Tallies {
  /** Drops, by step and reason. */
  readonly drops = new Map<string, Counter>()
  /** Rejected records, by code. */
  readonly rejected = new Map<string, Counter>()
  /** Counts of user code, by name. */
  readonly counters = new Map<string, Counter>()
  /** Records taken, by topic, by all that became of them. */
  readonly taken = new Map<string, Counter>()

  freeze(): void {
    for (const counter of this.#all()) counter.frozen = counter.value
  }

  committed(): void {
    for (const counter of this.#all()) counter.committed = counter.frozen
  }

  rollback(): void {
    for (const counter of this.#all()) counter.value = counter.committed
  }

  *#all(): Iterable<Counter> {
    for (const counters of [this.drops, this.rejected, this.counters, this.taken]) yield* counters.values()
  }
}

/** The counter of that name, made when it is first asked for. */
export function counterIn(counters: Map<string, Counter>, name: string): Counter {
  let counter = counters.get(name)
  if (counter === undefined) counters.set(name, (counter = newCounter()))
  return counter
}
