import type { BatchHeader } from '../kafka/native/batch-inspect.ts'
import { codes } from './codes.ts'

interface Written {
  readonly firstSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
}

interface ProducerState {
  epoch: number
  /** The last five batches, the oldest first: as many as a producer may have in flight. */
  recent: Written[]
  /** Where its open transaction begins in this partition; -1 without one. */
  transactionStart: number
  /** Of its last batch, as its records say, or of its last marker. */
  lastTimestamp: number
}

/** What is known of a producer that has asked to begin a transaction and has not written anything in it yet. */
interface Asked {
  epoch: number
  lowestSequence: number
  readonly strict: boolean
}

const kept = 5
/** `producer.id.expiration.check.interval.ms`. */
const expirationCheckMs = 600_000
const sequences = 0x8000_0000

/** Sequence numbers wrap at 2^31 (`DefaultRecordBatch.incrementSequence`). */
const lastSequence = ({ baseSequence, baseOffset, lastOffset }: BatchHeader): number =>
  (baseSequence + lastOffset - baseOffset) % sequences

/** What a partition knows of the producers that wrote to it: for idempotence, fencing and open transactions. */
export class Producers {
  readonly #states = new Map<number, ProducerState>()
  readonly #open = new Map<number, number>()
  readonly #asked = new Map<number, Asked>()
  /** The first offset of the oldest open transaction; Infinity without one. */
  firstUnstable = Infinity
  #checkedMs = -Infinity

  /**
   * Forgets the producers whose records are old, as a broker does every ten minutes: by the timestamps of the records,
   * not by when they came (ProducerStateManager.isProducerExpired). One with an open transaction stays.
   */
  expire(nowMs: number, expirationMs: number): void {
    if (nowMs - this.#checkedMs < expirationCheckMs) return
    // The first check of a broker comes after the first interval.
    if (this.#checkedMs !== -Infinity) this.#forget(nowMs, expirationMs)
    this.#checkedMs = nowMs
  }

  /** What a broker knows when it has started again: of each producer the last batch, and nothing of the old ones. */
  restart(nowMs: number, expirationMs: number): void {
    this.#forget(nowMs, expirationMs)
    for (const state of this.#states.values()) state.recent = state.recent.slice(-1)
    this.#asked.clear()
    this.#checkedMs = nowMs
  }

  #forget(nowMs: number, expirationMs: number): void {
    for (const [producerId, { transactionStart, lastTimestamp }] of this.#states) {
      if (transactionStart === -1 && nowMs - lastTimestamp >= expirationMs) this.#states.delete(producerId)
    }
  }

  /** Whether a transaction of this producer is open in this partition. */
  ongoing(producerId: number, epoch: number): boolean {
    const state = this.#states.get(producerId)
    return state !== undefined && state.transactionStart !== -1 && state.epoch === epoch
  }

  /** Whether a newer epoch of this producer has been seen here. */
  fenced({ producerId, producerEpoch }: BatchHeader): boolean {
    const state = this.#states.get(producerId)
    return state !== undefined && producerEpoch < state.epoch
  }

  /**
   * A batch asks to begin a transaction here. Until one has got in, none goes before the lowest sequence that asked: a
   * batch that was told to come again finds its place still free (KIP-890). `strict`: in a request of transaction
   * version 2, whose producers begin with the sequence 0. Who asks first decides that for all that follows
   * (VerificationStateEntry).
   */
  asks({ producerId, producerEpoch: epoch, baseSequence }: BatchHeader, strict: boolean): void {
    const asked = this.#asked.get(producerId)
    if (asked === undefined) this.#asked.set(producerId, { epoch, lowestSequence: baseSequence, strict })
    else if (epoch > asked.epoch) {
      asked.epoch = epoch
      asked.lowestSequence = baseSequence
    } else if (epoch === asked.epoch) asked.lowestSequence = Math.min(asked.lowestSequence, baseSequence)
  }

  /** A batch that was written before: its base offset. */
  duplicateOf(header: BatchHeader): number | null {
    const state = this.#states.get(header.producerId)
    if (state === undefined || state.epoch !== header.producerEpoch) return null
    const last = lastSequence(header)
    const found = state.recent.find(each => each.firstSequence === header.baseSequence && each.lastSequence === last)
    return found?.baseOffset ?? null
  }

  /** An error code. */
  check(header: BatchHeader): number {
    const state = this.#states.get(header.producerId)
    const asked = this.#asked.get(header.producerId)
    if (asked !== undefined) {
      const isFirst = state === undefined || state.recent.length === 0
      if (asked.strict && isFirst && header.baseSequence !== 0) return codes.OUT_OF_ORDER_SEQUENCE_NUMBER
      if (header.baseSequence > asked.lowestSequence) return codes.OUT_OF_ORDER_SEQUENCE_NUMBER
    }
    if (state === undefined) return codes.NONE
    const last = header.producerEpoch === state.epoch ? state.recent.at(-1) : undefined
    const expected = last === undefined ? 0 : (last.lastSequence + 1) % sequences
    if (header.baseSequence !== expected) return codes.OUT_OF_ORDER_SEQUENCE_NUMBER
    if (state.transactionStart !== -1 && !header.transactional) return codes.INVALID_TXN_STATE
    return codes.NONE
  }

  wrote(header: BatchHeader, baseOffset: number): void {
    const state = this.#at(header.producerId, header.producerEpoch)
    state.recent.push({ firstSequence: header.baseSequence, lastSequence: lastSequence(header), baseOffset })
    if (state.recent.length > kept) state.recent.shift()
    state.lastTimestamp = header.maxTimestamp
    if (!header.transactional) return
    this.#asked.delete(header.producerId)
    if (state.transactionStart !== -1) return
    state.transactionStart = baseOffset
    this.#open.set(header.producerId, baseOffset)
    this.firstUnstable = Math.min(this.firstUnstable, baseOffset)
  }

  /** The end of a transaction: answers where it began, null when it wrote nothing here. */
  ended(producerId: number, epoch: number, nowMs: number): number | null {
    const state = this.#at(producerId, epoch)
    state.lastTimestamp = nowMs
    const start = state.transactionStart
    // One that has asked under the epoch that this end brings is ahead of the marker: its place is kept.
    const asked = this.#asked.get(producerId)
    if (asked?.strict !== true || asked.epoch !== epoch) this.#asked.delete(producerId)
    if (start === -1) return null
    state.transactionStart = -1
    this.#open.delete(producerId)
    this.firstUnstable = Math.min(...this.#open.values())
    return start
  }

  #at(producerId: number, epoch: number): ProducerState {
    let state = this.#states.get(producerId)
    if (state === undefined) {
      state = { epoch, recent: [], transactionStart: -1, lastTimestamp: -1 }
      this.#states.set(producerId, state)
    }
    if (state.epoch !== epoch) {
      state.epoch = epoch
      state.recent = []
    }
    return state
  }
}
