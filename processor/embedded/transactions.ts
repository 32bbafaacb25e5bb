import type { TopicPartition, World } from '../ports.ts'
import { codes } from './codes.ts'
import type { Timer, Timers } from './timers.ts'

const states = ['Empty', 'Ongoing', 'PrepareCommit', 'PrepareAbort', 'CompleteCommit', 'CompleteAbort'] as const
export type TransactionState = (typeof states)[number]

export const isTransactionState = (name: string): boolean => states.some(state => state === name)

/** What takes part in a transaction: a partition, or the offsets of a group. */
export interface Participants {
  readonly partitions?: readonly TopicPartition[]
  readonly groupId?: string
}

/** Where the end of a transaction is written. */
export interface MarkerTarget {
  markPartition(partition: TopicPartition, producerId: number, epoch: number, committed: boolean): void
  markGroup(groupId: string, producerId: number, committed: boolean): void
}

interface Transaction {
  readonly id: string
  producerId: number
  previousProducerId: number
  /** Set while markers are under way when the epochs of the producer id are used up. */
  nextProducerId: number
  epoch: number
  /** The epoch before the last bump, -1 when nobody may come back with it. */
  lastEpoch: number
  timeoutMs: number
  state: TransactionState
  readonly partitions: Map<string, TopicPartition>
  readonly groups: Set<string>
  readonly timeout: Timer
  readonly markers: Timer
}

export interface ProducerIdentity {
  readonly errorCode: number
  readonly producerId: number
  readonly producerEpoch: number
}

export interface TransactionOptions {
  /** The finalized feature `transaction.version`: 2 bumps the epoch with every transaction (KIP-890). */
  readonly transactionVersion: 1 | 2
  readonly maxTimeoutMs: number
  /** How long the last marker is under way, and each of the others at most; 0: before EndTxn is answered. */
  readonly markerDelayMs: number
}

const maxEpoch = 32_767
const exhausted = (epoch: number): boolean => epoch >= maxEpoch - 1
const refused = (errorCode: number): ProducerIdentity => ({ errorCode, producerId: -1, producerEpoch: -1 })
const granted = ({ producerId, epoch }: Transaction): ProducerIdentity => ({
  errorCode: codes.NONE,
  producerId,
  producerEpoch: epoch,
})

/**
 * The transaction coordinator (KIP-98, KIP-360, KIP-890), with the answers of a 4.3 broker.
 *
 *                     add                     end                       markers written
 *   Empty, Complete* ------> Ongoing ------> PrepareCommit, PrepareAbort ------> CompleteCommit, CompleteAbort
 *                               |    timeout, InitProducerId: epoch + 1, PrepareAbort
 */
export class TransactionCoordinator {
  readonly #world: World
  readonly #timers: Timers
  readonly #target: MarkerTarget
  readonly #options: TransactionOptions
  readonly #transactions = new Map<string, Transaction>()
  #nextProducerId = 0
  /** For simulations: from now on. */
  markerDelayMs: number

  constructor(world: World, timers: Timers, target: MarkerTarget, options: TransactionOptions) {
    this.#world = world
    this.#timers = timers
    this.#target = target
    this.#options = options
    this.markerDelayMs = options.markerDelayMs
  }

  /** For tests. */
  state(transactionalId: string): TransactionState | null {
    return this.#transactions.get(transactionalId)?.state ?? null
  }

  list(): { readonly transactionalId: string; readonly producerId: number; readonly transactionState: string }[] {
    return [...this.#transactions.values()].map(({ id, producerId, state }) => ({
      transactionalId: id,
      producerId,
      transactionState: state,
    }))
  }

  /** For tests of epoch exhaustion: as if so many transactions had ended before. */
  setEpoch(transactionalId: string, epoch: number): void {
    const transaction = this.#transactions.get(transactionalId)
    if (transaction !== undefined) transaction.epoch = epoch
  }

  initProducerId(id: string | null, timeoutMs: number, producerId: number, epoch: number): ProducerIdentity {
    if (id === null) return { errorCode: codes.NONE, producerId: this.#nextProducerId++, producerEpoch: 0 }
    if (id === '' || (producerId === -1) !== (epoch === -1)) return refused(codes.INVALID_REQUEST)
    if (timeoutMs <= 0 || timeoutMs > this.#options.maxTimeoutMs) return refused(codes.INVALID_TRANSACTION_TIMEOUT)
    const transaction = this.#transactions.get(id) ?? this.#create(id, timeoutMs)
    if (inMarkers(transaction)) return refused(codes.CONCURRENT_TRANSACTIONS)
    const expected = producerId === -1 ? null : epoch
    if (expected !== null && !belongs(transaction, producerId, expected)) return refused(codes.PRODUCER_FENCED)
    if (transaction.state === 'Ongoing') {
      // The caller comes again; by then the old transaction is aborted and its owner fenced by the epoch.
      this.#fence(transaction)
      return refused(codes.CONCURRENT_TRANSACTIONS)
    }
    return this.#renew(transaction, timeoutMs, expected)
  }

  #create(id: string, timeoutMs: number): Transaction {
    const transaction: Transaction = {
      id,
      producerId: this.#nextProducerId++,
      previousProducerId: -1,
      nextProducerId: -1,
      epoch: -1,
      lastEpoch: -1,
      timeoutMs,
      state: 'Empty',
      partitions: new Map(),
      groups: new Set(),
      timeout: this.#timers.timer(() => this.#timedOut(transaction)),
      markers: this.#timers.timer(() => this.#complete(transaction)),
    }
    this.#transactions.set(id, transaction)
    return transaction
  }

  /** A new epoch, or a new producer id when there is none left (KIP-360). */
  #renew(transaction: Transaction, timeoutMs: number, expected: number | null): ProducerIdentity {
    if (exhausted(transaction.epoch) && (expected === null || expected === transaction.epoch)) {
      transaction.previousProducerId = transaction.producerId
      transaction.producerId = this.#nextProducerId++
      transaction.lastEpoch = expected === null ? -1 : transaction.epoch
      transaction.epoch = 0
    } else if (expected === null) {
      transaction.lastEpoch = -1
      transaction.epoch++
    } else if (transaction.epoch === -1 || expected === transaction.epoch) {
      transaction.lastEpoch = transaction.epoch
      transaction.epoch++
    } else if (expected !== transaction.lastEpoch) {
      return refused(codes.PRODUCER_FENCED)
    }
    transaction.state = 'Empty'
    transaction.timeoutMs = timeoutMs
    return granted(transaction)
  }

  /** Adds to the transaction, beginning it with the first one. Answers an error code. */
  add(id: string, producerId: number, epoch: number, participants: Participants): number {
    const transaction = this.#transactions.get(id)
    const error = this.#check(transaction, producerId, epoch)
    if (error !== codes.NONE || transaction === undefined) return error
    if (transaction.state !== 'Ongoing') {
      transaction.state = 'Ongoing'
      transaction.timeout.set(transaction.timeoutMs)
    }
    for (const each of participants.partitions ?? [])
      transaction.partitions.set(`${each.topic}-${each.partition}`, each)
    if (participants.groupId !== undefined) transaction.groups.add(participants.groupId)
    return codes.NONE
  }

  /** Whether it was added before (KIP-890 part 1): clients of version 1 add with requests of their own. */
  verify(id: string, producerId: number, epoch: number, participants: Participants): number {
    const transaction = this.#transactions.get(id)
    const error = this.#check(transaction, producerId, epoch)
    if (error !== codes.NONE || transaction === undefined) return error
    const known =
      (participants.partitions ?? []).every(each => transaction.partitions.has(`${each.topic}-${each.partition}`)) &&
      (participants.groupId === undefined || transaction.groups.has(participants.groupId))
    return known ? codes.NONE : codes.TRANSACTION_ABORTABLE
  }

  #check(transaction: Transaction | undefined, producerId: number, epoch: number): number {
    if (transaction === undefined) return codes.INVALID_PRODUCER_ID_MAPPING
    if (inMarkers(transaction)) return codes.CONCURRENT_TRANSACTIONS
    if (transaction.producerId !== producerId) return codes.INVALID_PRODUCER_ID_MAPPING
    return transaction.epoch === epoch ? codes.NONE : codes.PRODUCER_FENCED
  }

  /** EndTxn of transaction version 1 (up to v4): the epoch stays. */
  endVersion1(id: string, producerId: number, epoch: number, committed: boolean): number {
    const transaction = this.#transactions.get(id)
    const error = this.#check(transaction, producerId, epoch)
    if (error !== codes.NONE || transaction === undefined) return error
    if (transaction.state === 'Ongoing') {
      this.#prepare(transaction, committed)
      return codes.NONE
    }
    return transaction.state === (committed ? 'CompleteCommit' : 'CompleteAbort') ? codes.NONE : codes.INVALID_TXN_STATE
  }

  /** EndTxn of transaction version 2 (v5): every end bumps the epoch, so a resent request is told from the next end. */
  endVersion2(id: string, producerId: number, epoch: number, committed: boolean): ProducerIdentity {
    const transaction = this.#transactions.get(id)
    if (transaction === undefined) return refused(codes.INVALID_PRODUCER_ID_MAPPING)
    if (inMarkers(transaction)) return refused(codes.CONCURRENT_TRANSACTIONS)
    const overflowed =
      transaction.previousProducerId === producerId && epoch === maxEpoch - 1 && transaction.epoch === 0
    if (transaction.producerId !== producerId && !overflowed) return refused(codes.INVALID_PRODUCER_ID_MAPPING)
    const complete = transaction.state === 'CompleteCommit' || transaction.state === 'CompleteAbort'
    const resent = complete && (overflowed || transaction.epoch === epoch + 1)
    if (!resent && transaction.epoch !== epoch) return refused(codes.PRODUCER_FENCED)
    if (resent) {
      const same = transaction.state === (committed ? 'CompleteCommit' : 'CompleteAbort')
      return same ? granted(transaction) : refused(codes.INVALID_TXN_STATE)
    }
    // An abort of nothing is an end like any other: it may stand for a transaction whose requests were lost.
    if (transaction.state !== 'Ongoing' && committed) return refused(codes.INVALID_TXN_STATE)
    if (exhausted(transaction.epoch)) transaction.nextProducerId = this.#nextProducerId++
    this.#bump(transaction)
    const next = transaction.nextProducerId
    this.#prepare(transaction, committed)
    return next === -1 ? granted(transaction) : { errorCode: codes.NONE, producerId: next, producerEpoch: 0 }
  }

  #bump(transaction: Transaction): void {
    transaction.lastEpoch = transaction.epoch
    transaction.epoch = Math.min(transaction.epoch + 1, maxEpoch)
  }

  /** Aborts in the name of the coordinator. The old owner may come back with its epoch only under version 2. */
  #fence(transaction: Transaction): void {
    this.#bump(transaction)
    if (this.#options.transactionVersion < 2) transaction.lastEpoch = -1
    this.#prepare(transaction, false)
  }

  #timedOut(transaction: Transaction): void {
    if (transaction.state !== 'Ongoing') return
    this.#world.log.warn({ transactionalId: transaction.id, timeoutMs: transaction.timeoutMs }, 'transaction timed out')
    this.#fence(transaction)
  }

  #prepare(transaction: Transaction, committed: boolean): void {
    transaction.timeout.cancel()
    transaction.state = committed ? 'PrepareCommit' : 'PrepareAbort'
    const delayMs = this.markerDelayMs
    if (delayMs <= 0) return this.#complete(transaction)
    // Each partition and group has a marker of its own, and they come in any order.
    const { producerId, epoch, partitions, groups } = transaction
    const later = (act: () => void): void =>
      this.#timers
        .timer(() => (transaction.epoch === epoch ? act() : undefined))
        .set(Math.floor(this.#world.random.next() * delayMs))
    for (const [key, each] of partitions)
      later(() => partitions.delete(key) && this.#target.markPartition(each, producerId, epoch, committed))
    for (const each of groups) later(() => groups.delete(each) && this.#target.markGroup(each, producerId, committed))
    transaction.markers.set(delayMs)
  }

  #complete(transaction: Transaction): void {
    const { producerId, epoch } = transaction
    const committed = transaction.state === 'PrepareCommit'
    for (const each of transaction.partitions.values()) this.#target.markPartition(each, producerId, epoch, committed)
    for (const groupId of transaction.groups) this.#target.markGroup(groupId, producerId, committed)
    transaction.partitions.clear()
    transaction.groups.clear()
    transaction.state = committed ? 'CompleteCommit' : 'CompleteAbort'
    if (transaction.nextProducerId === -1) return
    transaction.previousProducerId = producerId
    transaction.producerId = transaction.nextProducerId
    transaction.nextProducerId = -1
    transaction.epoch = 0
  }
}

const inMarkers = ({ state }: Transaction): boolean => state === 'PrepareCommit' || state === 'PrepareAbort'

/** Whether a caller with this identity may ask for the next epoch (KIP-360). */
const belongs = (transaction: Transaction, producerId: number, epoch: number): boolean =>
  transaction.epoch === -1 ||
  producerId === transaction.producerId ||
  (producerId === transaction.previousProducerId && exhausted(epoch))
