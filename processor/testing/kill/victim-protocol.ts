import type { BrokerAddress } from '../../ports.ts'
import type { Step } from '../../runtime/commit.ts'
import type { Failed } from '../child-program.ts'

// What a victim is told on its command line, and what it says on its standard output, one JSON object a line.

/** The n-th time that a step is reached, from 1 on. */
export interface Moment {
  readonly step: Step
  readonly occurrence: number
  /** Counted only once this other step was reached. */
  readonly after?: Step
}

export interface VictimOptions {
  readonly brokers: readonly BrokerAddress[]
  readonly registryUrl: string
  /** Before the names of the flagship's topics. */
  readonly prefix: string
  readonly application: string
  readonly instance: string
  readonly stateFolder: string
  readonly commitIntervalMs: number
  readonly sendBytes: number
  /** When it sends itself SIGTERM. */
  readonly terminate: Moment | null
  /** When it kills itself. */
  readonly kill: Moment | null
}

/** What a store says of itself when it is opened: where each of its changelogs goes on. */
export interface OpenedStore {
  readonly task: string
  readonly stores: readonly { readonly name: string; readonly nextOffset: number }[]
}

export type VictimReport =
  | { readonly kind: 'opened'; readonly opened: OpenedStore }
  | { readonly kind: 'running'; readonly restoredRecords: number }
  | { readonly kind: 'step'; readonly step: Step }
  | { readonly kind: 'log'; readonly level: string; readonly message: string; readonly fields: string }
  /** The input has come to its end, and everything of it is committed. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'stopped'; readonly commits: number; readonly aborts: number }
  | Failed
