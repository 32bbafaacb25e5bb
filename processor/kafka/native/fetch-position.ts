import type { Buffer } from 'node:buffer'
import type { Leader } from './metadata.ts'
import type { AbortedTransaction } from './batch-decode.ts'

/**
 * One partition being read, from one `assign` to the next. Assigning again makes a new one, so that an answer that
 * was on its way meanwhile still points to the old one and is known to be stale.
 */
export class FetchPosition {
  readonly topic: string
  readonly partition: number
  readonly key: string
  /** The next offset to ask for. What is before it has been answered, but perhaps not been delivered. */
  offset: number
  leader: Leader | null = null
  /** Hex id of the topic that was meant when it was assigned. */
  topicId: string | null = null
  /** A broker has answered for this topic id, so another id is another topic. */
  confirmed = false
  paused = false
  inFlight = false
  /** An error was reported: nothing more is fetched until it is assigned again. */
  failed = false
  /** No request before this time on the monotonic clock. */
  notBeforeMs = -Infinity
  /** Failures in a row, for the back-off. */
  failures = 0
  /** How often in a row brokers said that the topic is not there. */
  missing = 0
  /** Answers that arrived while it was paused. */
  held: FetchPiece[] = []

  constructor(topic: string, partition: number, offset: number, key: string) {
    this.topic = topic
    this.partition = partition
    this.offset = offset
    this.key = key
  }
}

/** What one answer says of one partition, undecoded. */
export interface FetchPiece {
  readonly position: FetchPosition
  readonly fetchOffset: number
  readonly records: Buffer | null
  readonly aborted: readonly AbortedTransaction[] | null
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly error: string | null
}

/** An answer of a broker that waits to be delivered. */
export interface FetchArrival {
  readonly broker: number
  /** Taken from the front. */
  readonly pieces: FetchPiece[]
}
