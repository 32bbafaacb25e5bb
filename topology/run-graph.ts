import type { Serde } from '../schemas/serde.ts'
import type { RunStep } from './compiled.ts'

/** What is known of the records at one point of a plan. */
export interface Place {
  /** The run node that they come from. */
  readonly id: number
  readonly key: Serde<any>
  /** Null when a step has made new values; `lost` says which. */
  readonly value: Serde<any> | null
  readonly lost: string | null
  /** Whether the key is new: records of one key may be in several partitions. */
  readonly moved: boolean
  /** Set right behind a grouping. */
  readonly group: {
    readonly id: number
    readonly value: Serde<any> | null
    readonly name: string | null
    readonly partitions: number | null
  } | null
}

export interface DraftNode {
  readonly id: number
  readonly step: RunStep
  readonly from: readonly number[]
  readonly to: number[]
}

export interface DraftRepartition {
  readonly name: string
  readonly key: Serde<any>
  readonly value: Serde<any>
  readonly partitions: number | null
}

/** The steps that will run, before they are cut into sub-topologies. */
export class RunGraph {
  readonly nodes: DraftNode[] = []
  readonly repartitions: Map<string, DraftRepartition> = new Map()

  add(step: RunStep, ...from: readonly number[]): number {
    const id = this.nodes.length
    this.nodes.push({ id, step, from, to: [] })
    // A join is triggered by its stream alone.
    for (const parent of step.kind === 'join' ? from.slice(0, 1) : from) this.nodes[parent]!.to.push(id)
    return id
  }

  /** A table, for messages. */
  describe(id: number): string {
    const { step } = this.nodes[id]!
    return 'store' in step ? `the table '${step.store}'` : `a ${step.kind}`
  }
}
