import type { Topic } from '../schemas/topic.ts'
import { Stream, Table } from './handles.ts'
import type { StreamOptions, TopologyOptions } from './options.ts'
import { Plan } from './plan.ts'

export { Grouped, Stream, Table, TrailingTable, WindowedGroup, WindowedTable } from './handles.ts'

export class Topology {
  readonly plan: Plan

  constructor(name: string, options: TopologyOptions = {}) {
    this.plan = new Plan(name, options.onFailure ?? 'fail', options.deadLetters ?? null)
  }

  /** Every record of the topic (or topics) is a fact of its own. */
  stream<K, V>(
    topics: Topic<K, V> | readonly [Topic<K, V>, ...Topic<K, V>[]],
    options: StreamOptions<K, V> = {},
  ): Stream<K, V> {
    const [first, ...others] = (Array.isArray(topics) ? topics : [topics]) as [Topic<K, V>, ...Topic<K, V>[]]
    const source = (topic: Topic<K, V>): Stream<K, V> =>
      new Stream(
        this.plan,
        this.plan.add({ kind: 'source', topic, table: false, stored: false, timestamp: options.timestamp ?? null }),
      )
    return others.length === 0 ? source(first) : source(first).merge(...others.map(source))
  }

  /**
   * Every record replaces its key's row; one without a value deletes it. The rows are state under the topic's name
   * where a join looks them up, or with `stored`.
   */
  table<K, V>(topic: Topic<K, V>, options: { readonly stored?: boolean } = {}): Table<K, NonNullable<V>, V | null> {
    const { stored = false } = options
    return new Table(this.plan, this.plan.add({ kind: 'source', topic, table: true, stored, timestamp: null }))
  }
}

/** Defines a topology: plain data that `compile` checks and a processor runs. */
export const topology = (name: string, options?: TopologyOptions): Topology => new Topology(name, options)
