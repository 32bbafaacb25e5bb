import type { Buffer } from 'node:buffer'
import type { Registry } from '../../schemas/registry.ts'
import type { Topic } from '../../schemas/topic.ts'
import type { Plan } from '../../topology/plan.ts'
import type { Draws } from './draws.ts'

export type Guarantee = 'exactly_once' | 'at_least_once'

/** A record that goes into the run. */
export interface Input {
  readonly topic: Topic<any, any>
  readonly key: any
  /** A Buffer is written as it is. */
  readonly value: any
  readonly timestamp: number
  /** Default: by the key. */
  readonly partition?: number
  /** What the workload knows of it, for its oracle. */
  readonly known?: any
}

/** The same with its place in the log. */
export interface Placed extends Input {
  readonly partition: number
  readonly offset: number
}

export interface Output {
  readonly key: any
  readonly value: any
  readonly timestamp: number
  readonly partition: number
  readonly offset: number
  readonly rawKey: Buffer | null
}

/** What a run took and what it wrote, read committed, by topic, partition and offset. */
export interface Seen {
  readonly placed: readonly Placed[]
  outputs(topic: Topic<any, any>): readonly Output[]
  readonly partitions: number
  readonly guarantee: Guarantee
}

export interface Verdict {
  /** Every difference from what the oracle says, for people. */
  readonly differences: readonly string[]
  readonly late: number
  readonly rejected: number
  /** Output records that were compared. */
  readonly compared: number
}

export interface WorkloadOptions {
  readonly draws: Draws
  readonly records: number
  readonly partitions: number
  readonly keys: number
  /** 0: all keys alike; towards 1 a few keys get most. */
  readonly skew: number
  /** The share of records that are out of order. */
  readonly disorder: number
  readonly registry: Registry
}

/** A topology, what goes into it, and what must come out. */
export interface Workload {
  readonly inputs: readonly Topic<any, any>[]
  readonly outputs: readonly Topic<any, any>[]
  readonly topology: () => { readonly plan: Plan }
  readonly records: readonly Input[]
  /** All of the input must be there before the application starts: the order between its topics decides. */
  readonly isStatic?: boolean
  check(seen: Seen): Verdict
}
