import type { Isolation } from '../../ports.ts'
import { endOffset } from './batch-inspect.ts'
import type { Cluster } from './cluster.ts'
import type { FetchArrival, FetchPiece, FetchPosition } from './fetch-position.ts'
import { check, messageOf, nameOf, nameOfCode } from './failure.ts'
import { code, type FetchAnswer, type FetchPartitionAnswer } from './messages.ts'
import { pauseMs } from './retry.ts'
import { Bell } from './signal.ts'

export interface FetchLaneHost {
  readonly cluster: Cluster
  readonly signal: AbortSignal
  readonly isolation: Isolation
  readonly partitionMaxBytes: number
  readonly maxWaitMs: number
  /** In the order of the next request: who gave data goes to the end, so that a full answer starves nobody (KIP-74). */
  readonly positions: Map<string, FetchPosition>
  /** Answers of a broker that nobody took yet. */
  waiting(broker: number): number
  arrive(arrival: FetchArrival): void
  findLeaders(): void
}

const answerMaxBytes = 4 << 20
const answersAhead = 2

/** The leader moved, restarts, or lags behind: look it up again and go on. */
const leaderCodes: ReadonlySet<number> = new Set([
  code.unknownTopicOrPartition,
  code.leaderNotAvailable,
  code.notLeaderOrFollower,
  code.replicaNotAvailable,
  code.kafkaStorageError,
  code.fencedLeaderEpoch,
  code.unknownLeaderEpoch,
  code.offsetNotAvailable,
  code.unknownTopicId,
  code.inconsistentTopicId,
  code.requestTimedOut,
  code.networkException,
  -1,
])

/** Sends one Fetch after the other to one broker, for all of its partitions that no other lane is asking for. */
export class FetchLane {
  readonly #host: FetchLaneHost
  readonly #broker: number
  readonly #purpose: string
  readonly #bell = new Bell()

  constructor(host: FetchLaneHost, broker: number, purpose: string) {
    this.#host = host
    this.#broker = broker
    this.#purpose = purpose
    void this.#run()
  }

  wake(): void {
    this.#bell.ring()
  }

  close(): void {
    this.#host.cluster.dropChannel(this.#broker, this.#purpose)
    this.#bell.ring()
  }

  async #run(): Promise<void> {
    const { signal, cluster } = this.#host
    while (!signal.aborted) {
      const chosen = this.#choose()
      if (chosen.length > 0) {
        await this.#fetch(chosen)
        continue
      }
      const waitMs = this.#nextAttemptMs() - cluster.world.clock.monotonic()
      if (waitMs === Infinity) await this.#bell.heard()
      else await this.#bell.heardWithin(Math.max(1, waitMs), cluster.world.scheduler)
    }
  }

  #choose(): FetchPosition[] {
    const { waiting, positions, cluster } = this.#host
    const chosen: FetchPosition[] = []
    if (waiting(this.#broker) >= answersAhead) return chosen
    const nowMs = cluster.world.clock.monotonic()
    for (const position of positions.values()) {
      if (!this.#wants(position) || position.notBeforeMs > nowMs) continue
      position.inFlight = true
      chosen.push(position)
    }
    return chosen
  }

  #wants(position: FetchPosition): boolean {
    const { leader, inFlight, paused, failed } = position
    return leader !== null && leader.broker === this.#broker && !inFlight && !paused && !failed
  }

  /** Only those that back off are waited for by time; all else rings. */
  #nextAttemptMs(): number {
    let next = Infinity
    const nowMs = this.#host.cluster.world.clock.monotonic()
    for (const position of this.#host.positions.values()) {
      const { notBeforeMs } = position
      if (notBeforeMs > nowMs && notBeforeMs < next && this.#wants(position)) next = notBeforeMs
    }
    return next
  }

  async #fetch(chosen: readonly FetchPosition[]): Promise<void> {
    const { cluster, signal } = this.#host
    try {
      const body = this.#request(chosen)
      const answer = await cluster.request<FetchAnswer>(this.#broker, this.#purpose, 'Fetch', 13, body)
      check('Fetch', answer.errorCode)
      this.#receive(chosen, answer)
    } catch (error) {
      if (signal.aborted) return
      cluster.world.log.debug(
        { broker: this.#broker },
        `A fetch from broker ${this.#broker} failed: ${messageOf(error)}`,
      )
      for (const position of chosen) this.#backOff(position)
      this.#host.findLeaders()
    } finally {
      for (const position of chosen) position.inFlight = false
    }
  }

  #request(chosen: readonly FetchPosition[]): object {
    const { isolation, partitionMaxBytes, maxWaitMs, cluster } = this.#host
    const topics: { topicId: string; partitions: object[] }[] = []
    let last: string | null = null
    for (const position of chosen) {
      // A topic may come twice: the order of partitions is what counts.
      if (position.topicId !== last) topics.push({ topicId: position.topicId!, partitions: [] })
      last = position.topicId
      topics.at(-1)!.partitions.push({
        partition: position.partition,
        currentLeaderEpoch: position.leader!.epoch,
        fetchOffset: position.offset,
        lastFetchedEpoch: -1,
        logStartOffset: -1,
        partitionMaxBytes,
      })
    }
    return {
      maxWaitMs: Math.min(maxWaitMs, cluster.requestTimeoutMs / 2),
      minBytes: 1,
      maxBytes: answerMaxBytes,
      isolationLevel: isolation === 'read_committed' ? 1 : 0,
      sessionId: 0,
      sessionEpoch: -1,
      topics,
      forgottenTopicsData: [],
      rackId: '',
    }
  }

  #receive(chosen: readonly FetchPosition[], answer: FetchAnswer): void {
    const asked = new Map(chosen.map(position => [`${position.topicId}-${position.partition}`, position]))
    let bytes = 0
    for (const { partitions } of answer.responses) for (const { records } of partitions) bytes += records?.length ?? 0
    const pieces: FetchPiece[] = []
    for (const topic of answer.responses) {
      for (const partition of topic.partitions) {
        const position = asked.get(`${topic.topicId}-${partition.partitionIndex}`)
        if (position === undefined || this.#host.positions.get(position.key) !== position) continue
        const piece = this.#piece(position, partition)
        // Nothing from a partition says that there is nothing only when the answer had room for it.
        if (piece !== null && (piece.error !== null || piece.records !== null || bytes < answerMaxBytes))
          pieces.push(piece)
      }
    }
    if (pieces.length > 0) this.#host.arrive({ broker: this.#broker, pieces })
  }

  #piece(position: FetchPosition, answer: FetchPartitionAnswer): FetchPiece | null {
    const { errorCode, highWatermark, lastStableOffset, logStartOffset, abortedTransactions: aborted } = answer
    if (leaderCodes.has(errorCode)) {
      this.#backOff(position)
      this.#host.findLeaders()
      return null
    }
    position.confirmed = true
    const fetchOffset = position.offset
    const offsets = { highWatermark, lastStableOffset, logStartOffset }
    if (errorCode !== code.none) {
      position.failed = true
      return { position, fetchOffset, records: null, aborted: null, ...offsets, error: nameOfCode(errorCode) }
    }
    position.failures = 0
    const records = answer.records !== null && answer.records.length > 0 ? answer.records : null
    if (records === null) return { position, fetchOffset, records, aborted: null, ...offsets, error: null }
    let next: number
    try {
      next = endOffset(records, fetchOffset)
    } catch (error) {
      position.failed = true
      return { position, fetchOffset, records, aborted, ...offsets, error: nameOf(error) ?? 'CORRUPT_MESSAGE' }
    }
    // Less than one whole batch: a fuller answer left no room. It comes first in the next one.
    if (next === fetchOffset) return null
    position.offset = next
    this.#host.positions.delete(position.key)
    this.#host.positions.set(position.key, position)
    return { position, fetchOffset, records, aborted, ...offsets, error: null }
  }

  #backOff(position: FetchPosition): void {
    const { world } = this.#host.cluster
    position.failures++
    position.leader = null
    position.notBeforeMs = world.clock.monotonic() + pauseMs(world, position.failures)
  }
}
