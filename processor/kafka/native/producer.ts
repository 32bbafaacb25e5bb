import type { GroupMetadata, PartitionBuffer, PartitionOffset, Producer, ProducerOptions } from '../../ports.ts'
import { AppError, assert } from '../../errors.ts'
import { nextSequence, releaseBatch } from './batch.ts'
import { keyOf } from './by-topic.ts'
import type { Cluster } from './cluster.ts'
import { mayBeForgotten } from './lost-answers.ts'
import { PartitionSink } from './partition-sink.ts'
import { produce, type OutgoingBatch } from './produce.ts'
import { closedError } from './retry.ts'
import { commitOffsets, endTransaction, initProducer, type ProducerIdentity } from './transactions.ts'

/** How long an idempotent producer tries to get a batch through; a transactional one has its transaction timeout. */
const deliveryTimeoutMs = 120_000

const notInitialised = (): AppError =>
  new AppError('KAFKA', 'The producer is used before init() has succeeded. Call init() first.')

const errorFrom = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)))

/**
 * A producer over one transactional id, or without one. After any error it refuses everything until `init`, which
 * takes a new epoch: nothing that is still on its way can then reach a later transaction (rules C1 to C3).
 *
 * It never takes a new epoch by itself to send a batch again. Java's idempotent producer does, after a gap in the
 * sequence or a delivery that took too long (KIP-360), and may then write what was written under the old epoch a second
 * time; this one rejects. Batches of old records, which brokers may have forgotten, are looked for in the log before
 * they are sent again: that needs the right to read the topic, and only then. What is left: a copy that a broker takes
 * up from a connection long given up, just after it has forgotten the producer in its check every ten minutes.
 */
export class NativeProducer implements Producer {
  readonly #cluster: Cluster
  readonly #options: ProducerOptions
  readonly #purpose: string
  readonly #sinks = new Map<string, PartitionSink>()
  #identity: ProducerIdentity = { producerId: -1, producerEpoch: -1 }
  /** From one init to the failure or the next init: what belongs to an older life may no longer touch anything. */
  #life = new AbortController()
  /** Ends the wait for the call under way. */
  #giveUp: (error: Error) => void = () => undefined
  #signal: AbortSignal
  #failure: Error | null = notInitialised()
  #running: string | null = null
  #sealed = false
  /** Something of the open transaction may have reached a broker. */
  #begun = false

  /** `purpose` names its connections: producers do not share them. */
  constructor(cluster: Cluster, options: ProducerOptions, purpose: string) {
    this.#cluster = cluster
    this.#options = options
    this.#purpose = purpose
    this.#signal = AbortSignal.any([cluster.signal, this.#life.signal])
  }

  async init(): Promise<void> {
    this.#die(notInitialised())
    this.#life = new AbortController()
    this.#signal = AbortSignal.any([this.#cluster.signal, this.#life.signal])
    const signal = this.#signal
    this.#running = 'init'
    try {
      const identity = await this.#unlessClosed(initProducer(this.#cluster, this.#options, signal))
      if (signal.aborted) throw closedError('Initialising a producer')
      this.#identity = identity
      for (const sink of this.#sinks.values()) {
        sink.clear()
        sink.sequence = 0
      }
      this.#sealed = false
      this.#begun = false
      this.#failure = null
    } finally {
      if (this.#signal === signal) this.#running = null
    }
  }

  buffer(topic: string, partition: number): PartitionBuffer {
    const key = keyOf(topic, partition)
    let sink = this.#sinks.get(key)
    if (sink === undefined) {
      sink = new PartitionSink(topic, partition)
      this.#sinks.set(key, sink)
    }
    return sink
  }

  /** One pass over all partitions: ask now and then, not for each record. */
  get bufferedBytes(): number {
    let bytes = 0
    for (const sink of this.#sinks.values()) bytes += sink.bufferedBytes
    return bytes
  }

  seal(): void {
    this.#check()
    assert(!this.#sealed, 'A producer was sealed twice without an end() in between.')
    this.#sealed = true
    for (const sink of this.#sinks.values()) sink.seal()
  }

  flush(): Promise<void> {
    return this.#run('flush', signal => this.#send(signal))
  }

  nextOffset(topic: string, partition: number): number {
    return this.#sinks.get(keyOf(topic, partition))?.nextOffset ?? -1
  }

  sendOffsets(offsets: readonly PartitionOffset[], group: GroupMetadata, sent?: () => void): Promise<void> {
    return this.#run('sendOffsets', async signal => {
      const { transactionalId } = this.#options
      assert(
        transactionalId !== null,
        'sendOffsets() needs a transactional id. Commit through the group member instead.',
      )
      if (offsets.length === 0) return
      this.#begun = true
      const producer = { ...this.#identity, transactionalId }
      await commitOffsets(this.#cluster, producer, offsets, group, { ...this.#retryOptions(signal), sent })
    })
  }

  end(outcome: 'commit' | 'abort', sent?: () => void): Promise<void> {
    return this.#run('end', async signal => {
      if (outcome === 'commit') await this.#send(signal)
      const { transactionalId } = this.#options
      if (transactionalId !== null && this.#begun) {
        const producer = { ...this.#identity, transactionalId }
        const identity = await endTransaction(this.#cluster, producer, outcome, { signal, sent })
        if (signal.aborted) throw closedError('Ending a transaction')
        this.#identity = identity
        // The epoch is a new one (KIP-890), and sequences are counted by epoch.
        for (const sink of this.#sinks.values()) sink.sequence = 0
      }
      // Also what was appended while the abort was on its way came from records that will be read again.
      if (outcome === 'abort') this.#drop()
      this.#begun = false
      this.#sealed = false
    })
  }

  close(): Promise<void> {
    const error = closedError('Using a producer')
    this.#die(error)
    this.#giveUp(error)
    this.#drop()
    return Promise.resolve()
  }

  /** Who closes it does not wait for brokers that do not answer, and neither does who waits for the call. */
  #unlessClosed<Result>(result: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#giveUp = reject
      result.then(resolve, reject)
    })
  }

  /** One call at a time; what goes wrong ends this life of the producer. */
  async #run(name: string, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#check()
    assert(this.#running === null, `A producer's ${name}() was called while its ${this.#running}() was running.`)
    const signal = this.#signal
    this.#running = name
    try {
      await this.#unlessClosed(act(signal))
    } catch (error) {
      if (this.#signal === signal && this.#failure === null) this.#die(errorFrom(error))
      throw error
    } finally {
      if (this.#signal === signal) this.#running = null
    }
  }

  /**
   * In rounds: the first batch of each partition, then the second... One batch of a partition is under way at a time.
   */
  async #send(signal: AbortSignal): Promise<void> {
    const queues = [...this.#sinks.values()].map(sink => ({ sink, builders: sink.take(this.#sealed) }))
    const rounds = Math.max(0, ...queues.map(({ builders }) => builders.length))
    const { transactionalId } = this.#options
    const transactional = transactionalId !== null
    for (let round = 0; round < rounds; round++) {
      const batches: OutgoingBatch[] = []
      for (const { sink, builders } of queues) {
        const builder = builders[round]
        if (builder === undefined) continue
        const bytes = builder.finish({
          ...this.#identity,
          baseSequence: sink.sequence,
          transactional,
          compression: this.#options.compression ?? 'none',
        })
        sink.sequence = nextSequence(sink.sequence, builder.count)
        const forgettable = !transactional && mayBeForgotten(bytes, this.#cluster.world.clock.now())
        batches.push({ sink, count: builder.count, bytes, forgettable, sent: false, disturbed: false, outOfOrder: 0 })
        sink.giveBack(builder)
      }
      this.#begun = true
      const how = { transactionalId, version: transactional ? 12 : 11, purpose: this.#purpose }
      await produce(this.#cluster, { ...how, ...this.#retryOptions(signal) }, batches)
      if (signal.aborted) throw closedError('Producing')
      if (this.#cluster.releasesBytes) for (const { bytes } of batches) releaseBatch(bytes)
    }
  }

  #retryOptions(signal: AbortSignal): { signal: AbortSignal; deadlineMs: number } {
    const { transactionalId, transactionTimeoutMs } = this.#options
    return { signal, deadlineMs: transactionalId === null ? deliveryTimeoutMs : transactionTimeoutMs }
  }

  #drop(): void {
    for (const sink of this.#sinks.values()) sink.clear()
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure
  }

  #die(failure: Error): void {
    this.#failure = failure
    this.#life.abort()
  }
}
