import type { Buffer } from 'node:buffer'
import { isDeepStrictEqual } from 'node:util'
import { assert } from '../errors.ts'
import { peekBatches } from '../kafka/native/batch-inspect.ts'
import { errorInfo } from '../kafka/native/protocol/errors.ts'
import type { Transport, World } from '../ports.ts'
import { RawCluster, type Answer } from './cluster-testing.ts'
import { batch } from './testing.ts'

// A script of transactional requests, sent raw, for comparing two brokers. Producer ids, which may
// differ between them, are named in the order of appearance.

export type Who = 'latest' | 'older' | 'first' | 'future' | 'unknown' | 'nobody'

export type Step =
  | { readonly kind: 'init'; readonly who: Who }
  | {
      readonly kind: 'produce'
      readonly who: Who
      readonly partition: number
      readonly version: number
      readonly sequence: 'next' | 'same' | 'gap'
      readonly transactional: boolean
    }
  | { readonly kind: 'add'; readonly who: Who; readonly partition: number }
  | { readonly kind: 'addOffsets'; readonly who: Who }
  | { readonly kind: 'offsets'; readonly who: Who; readonly version: number; readonly generation: number }
  | { readonly kind: 'end'; readonly who: Who; readonly committed: boolean; readonly version: number }
  | { readonly kind: 'resend'; readonly opposite: boolean }

interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

interface EndRequest extends Identity {
  readonly committed: boolean
  readonly version: number
}

const nobody: Identity = { producerId: -1, producerEpoch: -1 }
export class Script {
  readonly #cluster: RawCluster
  readonly #world: World
  readonly #name: string
  readonly #identities: Identity[] = []
  readonly #producerNames = new Map<number, string>()
  readonly #sequences = new Map<string, number>()
  #lastEnd: EndRequest | null = null

  constructor(transport: Transport, world: World, name: string) {
    this.#cluster = new RawCluster(transport, world, name)
    this.#world = world
    this.#name = name
  }

  /** A line for each step with its answer, then what the partitions and the group hold. */
  async run(steps: readonly Step[]): Promise<string[]> {
    await this.#cluster.create()
    const lines: string[] = []
    for (const step of steps) lines.push(`${step.kind} ${JSON.stringify(step)} -> ${await this.#step(step)}`)
    await this.#init(nobody)
    for (const partition of [0, 1]) lines.push(await this.#logged(partition))
    lines.push(`committed ${await this.#committed()}`)
    await this.#cluster.close()
    return lines
  }

  #identity(who: Who): Identity {
    const latest = this.#identities.at(-1) ?? nobody
    switch (who) {
      case 'latest':
        return latest
      case 'older':
        return this.#identities.at(-2) ?? latest
      case 'first':
        return this.#identities[0] ?? latest
      case 'future':
        return { ...latest, producerEpoch: latest.producerEpoch + 1 }
      case 'unknown':
        return { producerId: 999_999_999, producerEpoch: 0 }
      case 'nobody':
        return nobody
    }
  }

  #producer(producerId: number): string {
    if (producerId === -1 || producerId === 999_999_999) return String(producerId)
    let name = this.#producerNames.get(producerId)
    if (name === undefined) this.#producerNames.set(producerId, (name = `P${this.#producerNames.size}`))
    return name
  }

  #granted(answer: Identity & { errorCode: number }): string {
    if (answer.errorCode !== 0) return errorInfo(answer.errorCode).name
    const { producerId, producerEpoch } = answer
    if (producerId === undefined) return 'NONE'
    this.#identities.push({ producerId, producerEpoch })
    return `NONE ${this.#producer(producerId)}/${producerEpoch}`
  }

  async #step(step: Step): Promise<string> {
    switch (step.kind) {
      case 'init':
        return this.#init(this.#identity(step.who))
      case 'produce':
        return this.#produce(step)
      case 'add':
        return this.#add(this.#identity(step.who), step.partition)
      case 'addOffsets':
        return this.#addOffsets(this.#identity(step.who))
      case 'offsets':
        return this.#offsets(this.#identity(step.who), step.version, step.generation)
      case 'end': {
        this.#lastEnd = { ...this.#identity(step.who), committed: step.committed, version: step.version }
        return this.#end(this.#lastEnd)
      }
      case 'resend': {
        if (this.#lastEnd === null) return 'nothing'
        return this.#end({ ...this.#lastEnd, committed: this.#lastEnd.committed !== step.opposite })
      }
    }
  }

  async #init(identity: Identity): Promise<string> {
    const body = { transactionalId: this.#name, transactionTimeoutMs: 60_000, ...identity }
    return this.#granted(
      await this.#cluster.until(
        await this.#cluster.coordinator(1),
        'InitProducerId',
        5,
        body,
        ({ errorCode: code }) => code,
      ),
    )
  }

  async #end({ version, producerId, producerEpoch, committed }: EndRequest): Promise<string> {
    const body = { transactionalId: this.#name, producerId, producerEpoch, committed }
    const coordinator = await this.#cluster.coordinator(1)
    const ask = (): Promise<Answer> =>
      this.#cluster.until(coordinator, 'EndTxn', version, body, ({ errorCode: code }) => code)
    const answer = await ask()
    // A real broker answers before its markers are written, and what comes in between is taken for the transaction that
    // has just ended. The same request again is CONCURRENT_TRANSACTIONS until the last marker is there, in the offsets
    // of the group and in partitions without a record too; then it gets the same answer.
    if (answer.errorCode === 0)
      assert(isDeepStrictEqual(await ask(), answer), 'The same EndTxn is answered otherwise when it is sent again.')
    return version >= 5 ? this.#granted(answer) : errorInfo(answer.errorCode).name
  }

  async #produce(step: Step & { kind: 'produce' }): Promise<string> {
    const { producerId, producerEpoch } = this.#identity(step.who)
    const { partition, transactional } = step
    const key = `${producerId}/${producerEpoch}/${partition}`
    const next = this.#sequences.get(key) ?? 0
    const sequence = step.sequence === 'next' ? next : step.sequence === 'gap' ? next + 2 : Math.max(0, next - 1)
    // Not an old time: the marker, written with the time of now, would begin a new segment, where a fetch ends.
    const timestamp = this.#world.clock.now()
    const records = batch({
      producerId,
      epoch: producerEpoch,
      sequence,
      transactional,
      records: [{ key: 'a', value: 'a', timestamp }],
    })
    const topicData = [{ name: this.#name, partitionData: [{ index: partition, records }] }]
    const body = { transactionalId: this.#name, acks: -1, timeoutMs: 10_000, topicData }
    const of = (answer: Answer): Answer => answer.responses[0].partitionResponses[0]
    const answer = of(
      await this.#cluster.until(
        this.#cluster.leader(partition),
        'Produce',
        step.version,
        body,
        each => of(each).errorCode,
      ),
    )
    if (answer.errorCode === 0 && sequence === next) this.#sequences.set(key, next + 1)
    return `${errorInfo(answer.errorCode).name} @${answer.baseOffset}`
  }

  async #add({ producerId, producerEpoch }: Identity, partition: number): Promise<string> {
    const of = (answer: Answer): number => answer.resultsByTopicV3AndBelow[0].resultsByPartition[0].partitionErrorCode
    const body = {
      v3AndBelowTransactionalId: this.#name,
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: [{ name: this.#name, partitions: [partition] }],
    }
    return errorInfo(
      of(await this.#cluster.until(await this.#cluster.coordinator(1), 'AddPartitionsToTxn', 3, body, of)),
    ).name
  }

  async #addOffsets({ producerId, producerEpoch }: Identity): Promise<string> {
    const body = { transactionalId: this.#name, producerId, producerEpoch, groupId: this.#name }
    const of = (answer: Answer): number => answer.errorCode
    return errorInfo(of(await this.#cluster.until(await this.#cluster.coordinator(1), 'AddOffsetsToTxn', 3, body, of)))
      .name
  }

  async #offsets({ producerId, producerEpoch }: Identity, version: number, generationId: number): Promise<string> {
    const offset = {
      partitionIndex: 0,
      committedOffset: this.#identities.length,
      committedLeaderEpoch: -1,
      committedMetadata: '',
    }
    const body = {
      transactionalId: this.#name,
      groupId: this.#name,
      producerId,
      producerEpoch,
      generationId,
      memberId: '',
      groupInstanceId: null,
      topics: [{ name: this.#name, partitions: [offset] }],
    }
    const of = (answer: Answer): number => answer.topics[0].partitions[0].errorCode
    return errorInfo(
      of(await this.#cluster.until(await this.#cluster.coordinator(0), 'TxnOffsetCommit', version, body, of)),
    ).name
  }

  async #logged(partition: number): Promise<string> {
    const answer = await this.#cluster.settled(partition)
    const batches = [...peekBatches(answer.records as Buffer)].map(
      each =>
        `${each.baseOffset}-${each.lastOffset} ${this.#producer(each.producerId)}/${each.producerEpoch}` +
        (each.control ? ' marker' : each.transactional ? '' : ' plain'),
    )
    const aborted = answer.abortedTransactions.map(
      (each: Answer) => `${this.#producer(each.producerId)}@${each.firstOffset}`,
    )
    const ends = `${answer.lastStableOffset} of ${answer.highWatermark}`
    return `log ${ends}: ${batches.join(', ')}; aborted ${aborted.join(', ')}`
  }

  async #committed(): Promise<string> {
    const body = {
      groups: [{ groupId: this.#name, topics: [{ name: this.#name, partitionIndexes: [0] }] }],
      requireStable: true,
    }
    const of = (answer: Answer): Answer => answer.groups[0].topics[0].partitions[0]
    const answer = await this.#cluster.until(
      await this.#cluster.coordinator(0),
      'OffsetFetch',
      8,
      body,
      each => of(each).errorCode,
    )
    return of(answer).committedOffset
  }
}
