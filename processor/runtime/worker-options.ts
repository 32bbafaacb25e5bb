import type { Compiled } from '../../topology/compiled.ts'
import type { Kafka, World } from '../ports.ts'
import type { Stores } from '../state-port.ts'
import type { Step } from './commit.ts'
import type { Settings } from './config.ts'
import type { AppTopics } from './topics.ts'

export interface WorkerOptions extends Settings {
  readonly compiled: Compiled
  readonly topics: AppTopics
  readonly application: string
  readonly clusterId: string
  /** Stable over restarts: the transactional id and the static membership are named from it. */
  readonly instance: string
  /** Which worker of its process, from 0. */
  readonly worker: number
  /**
   * Whether the membership is a static one (KIP-345): the name is given, so a restart within the session moves nothing.
   */
  readonly isStatic: boolean
  readonly kafka: Kafka
  readonly stores: Stores
  readonly world: World
  readonly partitionOf: (key: Uint8Array, start: number, end: number, partitions: number) => number
  readonly onStep: (step: Step) => void
  readonly onState: (state: 'joining' | 'restoring' | 'running') => void
  /** Every task has come to the end of a bounded input, and it is committed. */
  readonly onEnded: () => void
  readonly onCommitted: (seconds: number) => void
}
