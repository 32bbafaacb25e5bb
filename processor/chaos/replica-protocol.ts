import type { BrokerAddress } from '../ports.ts'
import type { Failed } from '../testing/child-program.ts'

// What a replica is told on its command line, and what it says on its standard output, one JSON object a line.

export interface ReplicaOptions {
  readonly brokers: readonly BrokerAddress[]
  readonly registryUrl: string
  readonly application: string
  /** Of the process and its state folder. */
  readonly name: string
  /**
   * How the group knows it (KIP-345): by its name; by a number that is kept with its state, as `npm run processor` does
   * without `--instance`; or as a member that is new with each start.
   */
  readonly membership: 'named' | 'numbered' | 'dynamic'
  readonly stateFolder: string
  readonly standbyReplicas: number
  readonly commitIntervalMs: number
  readonly sessionTimeoutMs: number
}

export type ReplicaReport =
  | { readonly kind: 'running' }
  /** As the leader of this generation it has dealt out the tasks. */
  | { readonly kind: 'rebalanced'; readonly generation: number }
  /** All of its tasks have come to the end of the input, and that is committed. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'stopped' }
  | Failed
