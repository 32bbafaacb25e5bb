import type { Serde } from '../../schemas/serde.ts'
import type { Aggregate } from '../../topology/aggregates.ts'
import { type Accumulators, recordAggregate } from '../../topology/record.ts'

/** One row of an aggregate: its accumulators, and the highest timestamp that went into them, which is its result's. */
export interface Folded {
  timestamp: number
  readonly states: Accumulators
}

/** The aggregates of a step as rows of state: `add` and `merge` change a row in place. */
export class Fold implements Pick<Serde<Folded>, 'read' | 'write'> {
  readonly #aggregate: Aggregate<unknown, Accumulators, object>

  constructor(spec: Readonly<Record<string, Aggregate<any, any, any>>>) {
    this.#aggregate = recordAggregate<unknown, typeof spec>(spec)
  }

  /** Whether nothing is left of the row: it is to be deleted. */
  isEmpty(folded: Folded): boolean {
    return this.#aggregate.isEmpty !== undefined && this.#aggregate.isEmpty(folded.states)
  }

  start(): Folded {
    return { timestamp: -1, states: this.#aggregate.init() }
  }

  add(folded: Folded, value: unknown, timestamp: number): void {
    this.#aggregate.add(folded.states, value)
    if (timestamp > folded.timestamp) folded.timestamp = timestamp
  }

  merge(folded: Folded, states: Accumulators, timestamp: number): void {
    this.#aggregate.merge(folded.states, states)
    if (timestamp > folded.timestamp) folded.timestamp = timestamp
  }

  /** The results by name; a new object, always of the same shape. */
  result(folded: Folded): Record<string, unknown> {
    return this.#aggregate.result(folded.states) as Record<string, unknown>
  }

  write(folded: Folded, out: Parameters<Serde<Folded>['write']>[1]): void {
    out.f64(folded.timestamp)
    this.#aggregate.state.write(folded.states, out)
  }

  read(bytes: Parameters<Serde<Folded>['read']>[0], start: number, end: number): Folded {
    return { timestamp: bytes.readDoubleBE(start), states: this.#aggregate.state.read(bytes, start + 8, end) }
  }
}
