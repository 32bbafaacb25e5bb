import type { Compiled } from '../../topology/compiled.ts'
import type { Kafka, World } from '../ports.ts'
import type { Stores } from '../state-port.ts'
import type { Step } from './commit.ts'
import type { AppTopics } from './topics.ts'

export interface WorkerOptions {
  readonly compiled: Compiled
  readonly topics: AppTopics
  readonly application: string
  readonly clusterId: string
  /** Stable over restarts: the transactional id and the static membership are named from it. */
  readonly instance: string
  readonly kafka: Kafka
  readonly stores: Stores
  readonly world: World
  readonly guarantee: 'exactly_once' | 'at_least_once'
  readonly commitIntervalMs: number
  readonly transactionTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** For decoded entries of all tasks. */
  readonly cacheBytes: number
  /** Committed changes wait for the disk until there are this many bytes of them, or for this long. */
  readonly flushBytes: number
  readonly flushAgeMs: number
  /**
   * Sent in the middle of a transaction beyond `sendBytes`; beyond `holdBytes` processing waits for the commit under
   * way.
   */
  readonly sendBytes: number
  readonly holdBytes: number
  readonly idleMs: number
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly partitionOf: (key: Uint8Array, start: number, end: number, partitions: number) => number
  readonly onStep: (step: Step) => void
  readonly onState: (state: 'joining' | 'restoring' | 'running') => void
  /** Every task has come to the end of a bounded input, and it is committed. */
  readonly onEnded: () => void
  readonly onCommitted: (seconds: number) => void
}
