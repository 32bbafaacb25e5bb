import type { FetchedPartition, Fetcher, FetcherOptions, PartitionOffset, TopicPartition } from '../../ports.ts'
import { keyOf } from './by-topic.ts'
import type { Cluster } from './cluster.ts'
import { Columns } from './columns.ts'
import { decodeBatches } from './batch-decode.ts'
import { FetchLane, type FetchLaneHost } from './fetch-lane.ts'
import { FetchPosition, type FetchArrival, type FetchPiece } from './fetch-position.ts'
import { LeaderFinder } from './leader-finder.ts'
import { messageOf, nameOf } from './failure.ts'
import { closedError } from './retry.ts'
import { Bell } from './signal.ts'

const defaultPartitionMaxBytes = 512 << 10
const defaultMaxWaitMs = 250
/**
 * Two requests may be on their way to a broker, for different partitions: one that waits at the broker for quiet
 * partitions must not keep one that was assigned or resumed just now from being asked for.
 */
const lanesPerBroker = 2

/** Reads partitions without a group, ahead of `poll`: at most two answers of a broker wait to be taken. */
export class NativeFetcher implements Fetcher {
  readonly #cluster: Cluster
  readonly #purpose: string
  readonly #isolation: FetcherOptions['isolation']
  readonly #pollMaxBytes: number
  readonly #positions = new Map<string, FetchPosition>()
  readonly #arrived = new Bell()
  readonly #arrivals: FetchArrival[] = []
  readonly #finder: LeaderFinder
  readonly #host: FetchLaneHost
  readonly #lanes = new Map<number, FetchLane[]>()
  readonly #closing = new AbortController()

  /** `purpose` names its connections: fetchers do not share them. */
  constructor(cluster: Cluster, options: FetcherOptions, purpose: string) {
    this.#purpose = purpose
    this.#cluster = cluster
    this.#isolation = options.isolation
    this.#pollMaxBytes = options.pollMaxBytes ?? Infinity
    const signal = AbortSignal.any([cluster.signal, this.#closing.signal])
    this.#finder = new LeaderFinder(cluster, this.#positions, signal, {
      found: () => this.#startLanes(),
      failed: (position, error) => this.#fail(position, error),
    })
    signal.addEventListener('abort', () => this.#ended(), { once: true })
    this.#host = {
      cluster,
      signal,
      isolation: options.isolation,
      partitionMaxBytes: options.partitionMaxBytes ?? defaultPartitionMaxBytes,
      maxWaitMs: options.maxWaitMs ?? defaultMaxWaitMs,
      positions: this.#positions,
      waiting: broker => this.#waiting(broker),
      arrive: arrival => this.#arrive(arrival),
      findLeaders: () => this.#finder.wake(),
    }
  }

  assign(partitions: readonly PartitionOffset[]): void {
    for (const { topic, partition, offset } of partitions) {
      const key = keyOf(topic, partition)
      const before = this.#positions.get(key)
      const position = new FetchPosition(topic, partition, offset, key)
      position.paused = before?.paused ?? false
      position.leader = before?.failed === true ? null : (before?.leader ?? null)
      if (before !== undefined && !before.failed) {
        position.topicId = before.topicId
        position.confirmed = before.confirmed
      }
      this.#positions.set(key, position)
    }
    this.#changed()
  }

  unassign(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) this.#positions.delete(keyOf(topic, partition))
    this.#changed()
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const position of this.#known(partitions)) position.paused = true
    this.#changed()
  }

  resume(partitions: readonly TopicPartition[]): void {
    for (const position of this.#known(partitions)) {
      position.paused = false
      if (position.held.length > 0) this.#arrivals.unshift({ broker: -1, pieces: position.held })
      position.held = []
    }
    this.#changed()
    if (this.#arrivals.length > 0) this.#arrived.ring()
  }

  async poll(timeoutMs: number, signal?: AbortSignal): Promise<FetchedPartition[]> {
    const { clock } = this.#cluster.world
    // Whoever polls in a loop would turn for ever otherwise, as fast as it can.
    if (this.#host.signal.aborted) throw closedError('Fetching')
    const endMs = clock.monotonic() + timeoutMs
    const ring = (): void => this.#arrived.ring()
    signal?.addEventListener('abort', ring)
    try {
      return await this.#wait(endMs, signal)
    } finally {
      signal?.removeEventListener('abort', ring)
    }
  }

  async #wait(endMs: number, signal: AbortSignal | undefined): Promise<FetchedPartition[]> {
    const { clock, scheduler } = this.#cluster.world
    for (;;) {
      const taken = this.#take()
      if (taken.length > 0 || this.#host.signal.aborted || signal?.aborted === true) return taken
      const leftMs = endMs - clock.monotonic()
      if (leftMs <= 0) return taken
      await this.#arrived.heardWithin(leftMs, scheduler)
    }
  }

  close(): Promise<void> {
    this.#closing.abort()
    return Promise.resolve()
  }

  /** By its own `close` or that of the client. */
  #ended(): void {
    this.#positions.clear()
    this.#arrivals.length = 0
    for (const lane of [...this.#lanes.values()].flat()) lane.close()
    this.#arrived.ring()
  }

  #take(): FetchedPartition[] {
    if (this.#arrivals.length === 0) return []
    const taken: FetchedPartition[] = []
    for (let bytes = 0; bytes < this.#pollMaxBytes;) {
      const piece = this.#next()
      if (piece === undefined) break
      bytes += piece.records?.length ?? 0
      taken.push(this.#decode(piece))
    }
    return taken
  }

  /** The next piece that is wanted. */
  #next(): FetchPiece | undefined {
    for (let arrival = this.#arrivals[0]; arrival !== undefined; arrival = this.#arrivals[0]) {
      const piece = arrival.pieces.shift()
      if (arrival.pieces.length === 0) {
        this.#arrivals.shift()
        // There is room again: the next request leaves before the answer is decoded.
        this.#wakeLanes()
      }
      if (piece === undefined || this.#positions.get(piece.position.key) !== piece.position) continue
      if (!piece.position.paused) return piece
      piece.position.held.push(piece)
    }
    return undefined
  }

  #decode(piece: FetchPiece): FetchedPartition {
    const { position, records: bytes, fetchOffset } = piece
    const records = new Columns()
    let nextOffset = fetchOffset
    let abortedRecords = 0
    let { error } = piece
    if (bytes !== null && error === null) {
      try {
        const aborted = this.#isolation === 'read_committed' ? piece.aborted : null
        const decoded = decodeBatches(bytes, records, {
          fetchOffset,
          aborted,
          source: { topic: position.topic, partition: position.partition },
        })
        nextOffset = decoded.nextOffset
        abortedRecords = decoded.abortedRecords
      } catch (cause) {
        error = nameOf(cause) ?? 'CORRUPT_MESSAGE'
        position.failed = true
        records.length = 0
        this.#cluster.world.log.error(
          { topic: position.topic, partition: position.partition, offset: fetchOffset },
          `What ${position.key} answered from offset ${fetchOffset} on cannot be read: ${messageOf(cause)}`,
        )
      }
    }
    return {
      topic: position.topic,
      partition: position.partition,
      records,
      nextOffset,
      highWatermark: piece.highWatermark,
      lastStableOffset: piece.lastStableOffset,
      logStartOffset: piece.logStartOffset,
      abortedRecords,
      bytes: bytes?.length ?? 0,
      error,
    }
  }

  #arrive(arrival: FetchArrival): void {
    if (arrival.pieces.length === 0 || this.#host.signal.aborted) return
    this.#arrivals.push(arrival)
    this.#arrived.ring()
  }

  #fail(position: FetchPosition, error: string): void {
    position.failed = true
    const { offset: fetchOffset } = position
    const unknown = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 }
    this.#arrive({ broker: -1, pieces: [{ position, fetchOffset, records: null, aborted: null, ...unknown, error }] })
  }

  /** Answers of a broker that nobody took yet, without those that wait for a partition to be resumed. */
  #waiting(broker: number): number {
    let waiting = 0
    for (const arrival of this.#arrivals) {
      if (arrival.broker === broker && arrival.pieces.some(({ position }) => !position.paused)) waiting++
    }
    return waiting
  }

  *#known(partitions: readonly TopicPartition[]): Iterable<FetchPosition> {
    for (const { topic, partition } of partitions) {
      const position = this.#positions.get(keyOf(topic, partition))
      if (position !== undefined) yield position
    }
  }

  #changed(): void {
    this.#finder.wake()
    this.#wakeLanes()
  }

  #startLanes(): void {
    for (const position of this.#positions.values()) {
      const broker = position.leader?.broker
      if (broker === undefined || this.#lanes.has(broker)) continue
      const lanes = Array.from(
        { length: lanesPerBroker },
        (_, lane) => new FetchLane(this.#host, broker, `${this.#purpose} ${lane}`),
      )
      this.#lanes.set(broker, lanes)
    }
    this.#wakeLanes()
  }

  #wakeLanes(): void {
    for (const lanes of this.#lanes.values()) for (const lane of lanes) lane.wake()
  }
}
