import { AppError, asError, assert } from '../errors.ts'
import type { FetchedPartition, Fetcher, Kafka, TopicPartition, World } from '../ports.ts'
import { type Copy, type CopyPart, isDone, OffsetsGone, staleAfterMs } from './copy.ts'

export interface ChangelogsOptions {
  readonly kafka: Kafka
  readonly world: World
  /** What came for a copy that is only followed is written at the latest then. */
  readonly flushAgeMs: number
}

export interface RestoreProgress {
  /** Of changelogs, read since the start to run tasks. */
  records: number
  bytes: number
  /** Offsets still to go, over all partitions. */
  remaining: number
  /** Offsets there were when this restore began. */
  total: number
}

/** Of three in a row at least the middle one is a whole answer in which nobody got anything. */
const emptyFetchesMost = 3
/** How long tasks that run may have to wait: so many records are applied in a millisecond or two. */
const sliceRows = 1000
/** Batches that wait for the disk of one task before no more is applied. */
const batchesMost = 4
/** Copies that are close to the end are looked after no more often than that. */
const followPauseMs = 100
const quietLagRecords = 1000
const partitionMaxBytes = 1 << 20

/**
 * Reads the changelogs of all the tasks that a worker does not run yet, or only has copies of, in one loop beside the
 * worker's: what comes is applied in slices, with whole turns of the worker in between, and while one batch is on its
 * way to the disk the next one is made. What is to run goes first: copies that are only followed wait for it.
 *
 * Records are read committed. The target of a restore is the high watermark of its beginning, asked for without
 * isolation: the last stable offset may be held back by a dead writer. The *position* decides when it is reached: the
 * last records may be aborted ones, markers or holes. When the marker at the very end was compacted away the position
 * cannot reach it; then three fetches in a row that bring nothing to anybody, with everything stable, are the end
 * (rules Q1 to Q3).
 */
export class Changelogs {
  readonly progress: RestoreProgress = { records: 0, bytes: 0, remaining: 0, total: 0 }
  readonly #options: ChangelogsOptions
  readonly #parts = new Map<string, { readonly copy: Copy; readonly part: CopyPart }>()
  readonly #copies = new Set<Copy>()
  #fetcher: Fetcher | null = null
  #pausing = new AbortController()

  constructor(options: ChangelogsOptions) {
    this.#options = options
  }

  /** Begins to follow. */
  add(copy: Copy): void {
    assert(!copy.isRemoved, 'a copy that is read is open')
    this.#copies.add(copy)
    for (const part of copy.parts) this.#parts.set(keyOf(part), { copy, part })
    if (copy.parts.length === 0) return
    if (this.#fetcher === null) this.#start()
    this.#fetcher!.assign(copy.parts.map(({ topic, partition, position }) => ({ topic, partition, offset: position })))
    if (this.#restoring().length > 0) this.#fetcher!.pause(copy.parts)
    this.#pausing.abort()
  }

  /** Resolves when the copy, followed or not, has come to these ends and is on disk; rejects with what goes wrong. */
  restore(copy: Copy, ends: ReadonlyMap<string, number>): Promise<void> {
    if (this.#restoring().length === 0) {
      this.progress.total = this.progress.remaining = 0
      this.#fetcher?.pause(this.#followed())
    }
    if (!this.#copies.has(copy)) this.add(copy)
    copy.isRestoring = true
    for (const part of copy.parts) {
      part.end = ends.get(keyOf(part))!
      part.emptyFetches = 0
      const left = Math.max(0, part.end - part.position)
      this.progress.total += left
      this.progress.remaining += left
    }
    this.#fetcher?.resume(copy.parts)
    this.#fetcher?.unassign(copy.parts.filter(isDone))
    this.#pausing.abort()
    void this.#seeEnd(copy)
    return copy.done
  }

  /** Nothing more is applied; what was is on its way to the disk, which `state.close` waits for. */
  remove(copy: Copy): void {
    copy.isRemoved = true
    if (!this.#copies.delete(copy)) return
    for (const part of copy.parts) {
      this.#parts.delete(keyOf(part))
      if (part.end !== null) this.progress.remaining -= Math.max(0, part.end - part.position)
    }
    this.#write(copy)
    this.#fetcher?.unassign(copy.parts)
    if (this.#parts.size === 0) void this.close()
    else if (copy.isRestoring && this.#restoring().length === 0) this.#fetcher?.resume(this.#followed())
  }

  /** Stops reading. */
  async close(): Promise<void> {
    const fetcher = this.#fetcher
    this.#fetcher = null
    this.#pausing.abort()
    await fetcher?.close()
  }

  #restoring(): Copy[] {
    return [...this.#copies].filter(copy => copy.isRestoring)
  }

  #followed(): CopyPart[] {
    return [...this.#copies].flatMap(copy => (copy.isRestoring ? [] : copy.parts))
  }

  #start(): void {
    this.#fetcher = this.#options.kafka.fetcher({ isolation: 'read_committed', partitionMaxBytes, pollMaxBytes: 1 })
    void this.#run(this.#fetcher)
  }

  async #run(fetcher: Fetcher): Promise<void> {
    try {
      while (this.#fetcher === fetcher) await this.#round(fetcher)
    } catch (error) {
      // The client is closed. Whoever comes next begins anew.
      if (this.#fetcher !== fetcher) return
      this.#fetcher = null
      for (const copy of this.#copies) copy.fail(asError(error))
    }
  }

  /** Takes all there is, piece by piece. */
  async #round(fetcher: Fetcher): Promise<void> {
    for (let waitMs = 500; this.#fetcher === fetcher; waitMs = 0) {
      const arrived = (await fetcher.poll(waitMs)).map(fetched => ({ fetched, ...this.#parts.get(keyOf(fetched)) }))
      this.#writeAged()
      if (arrived.length === 0) break
      for (const { fetched, copy, part } of arrived)
        if (copy !== undefined && part !== undefined) await this.#take(copy, part, fetched)
      await this.#options.world.scheduler.yield()
    }
    if (this.#isQuiet()) await this.#pause()
  }

  /** Followed copies need not be followed in each moment: fuller answers cost less. */
  #pause(): Promise<void> {
    this.#pausing = new AbortController()
    return this.#options.world.scheduler.sleep(followPauseMs, this.#pausing.signal)
  }

  #isQuiet(): boolean {
    return [...this.#copies].every(copy => !copy.isRestoring && copy.lagRecords <= quietLagRecords)
  }

  async #take(copy: Copy, part: CopyPart, fetched: FetchedPartition): Promise<void> {
    if (copy.error !== null) return
    try {
      if (fetched.error !== null) throw fetchError(copy, part, fetched.error)
      const nowMs = this.#options.world.clock.now()
      if (nowMs - part.freshMs > staleAfterMs) throw new OffsetsGone(copy.place, part, 'deletions')
      part.stableEnd = fetched.lastStableOffset
      const isEmpty = fetched.bytes === 0 && fetched.nextOffset <= part.position
      part.emptyFetches = isEmpty ? part.emptyFetches + 1 : 0
      // An answer that others filled says nothing of who came away empty.
      if (fetched.bytes > 0) for (const other of this.#parts.values()) other.part.emptyFetches = 0
      if (copy.isRestoring) this.progress.bytes += fetched.bytes
      if (fetched.nextOffset > part.position) await this.#apply(copy, part, fetched)
      if (part.position >= part.stableEnd) part.freshMs = nowMs
      if (part.end === null) return
      if (part.emptyFetches >= emptyFetchesMost && part.stableEnd >= part.end) this.#advance(part, part.end)
      if (!isDone(part)) return
      this.#fetcher?.unassign([part])
      await this.#seeEnd(copy)
    } catch (error) {
      copy.fail(asError(error))
    }
  }

  async #apply(copy: Copy, part: CopyPart, { records, nextOffset }: FetchedPartition): Promise<void> {
    for (let from = 0; from === 0 || from < records.length; from += sliceRows) {
      await copy.state.replays.room(batchesMost)
      if (from > 0) await this.#options.world.scheduler.yield()
      if (this.#parts.get(keyOf(part))?.part !== part) return
      const to = Math.min(records.length, from + sliceRows)
      const next = to === records.length ? nextOffset : records.offset[to - 1]! + 1
      copy.state.replay(part.store, { records, from, to }, next)
      this.#advance(part, next)
      if (copy.isRestoring) this.progress.records += to - from
      if (copy.state.replays.isFull) this.#write(copy)
    }
  }

  #advance(part: CopyPart, position: number): void {
    if (part.end !== null) {
      const left = (at: number): number => Math.max(0, part.end! - at)
      this.progress.remaining -= left(part.position) - left(position)
    }
    part.position = position
  }

  /** When all of a copy has come to its end, it is done. */
  async #seeEnd(copy: Copy): Promise<void> {
    if (!copy.parts.every(isDone)) return
    try {
      await copy.state.replays.flush(copy.freshMs(this.#options.world.clock.now()))
      copy.finish()
    } catch (error) {
      copy.fail(asError(error))
    }
  }

  #write(copy: Copy): void {
    const { clock } = this.#options.world
    copy.writtenMs = clock.monotonic()
    copy.state.replays.flush(copy.freshMs(clock.now())).catch(error => copy.fail(asError(error)))
  }

  /** What is followed comes in small pieces, which wait for each other. */
  #writeAged(): void {
    const { world, flushAgeMs } = this.#options
    const nowMs = world.clock.monotonic()
    for (const copy of this.#copies)
      if (!copy.state.replays.isEmpty && nowMs - copy.writtenMs >= flushAgeMs) this.#write(copy)
  }
}

function fetchError({ place }: Copy, part: CopyPart, error: string): AppError {
  if (error === 'OFFSET_OUT_OF_RANGE') return new OffsetsGone(place, part, 'offsets')
  return new AppError('KAFKA', `The changelog of '${part.store}' cannot be read: ${error}.`, { place: part })
}

export const keyOf = (at: TopicPartition): string => `${at.topic}-${at.partition}`
