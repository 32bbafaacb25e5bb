import { Buffer } from 'node:buffer'
import type { Serde } from '../../schemas/serde.ts'
import type { CachedStore } from '../state/cached.ts'
import { KeyTable } from '../state/key-table.ts'
import { kinds } from '../state/kinds.ts'
import { longerBytes } from '../state/longer.ts'
import { SlotStore } from '../state/slots.ts'
import type { TaskState } from '../state/task-state.ts'
import { ChunkLists, readChunkList, splitChunkList } from './chunk-lists.ts'
import { EventBook } from './event-book.ts'
import { lowerBound } from './span.ts'

/** Buckets of time in the retention, at least: what is too old is deleted a bucket at a time. */
const bucketsPerSpan = 8
/** Events in a chunk: few point reads for a cold key, little rewriting with each new event. */
const eventsPerChunk = 12
/** Chunks of one key and bucket are numbered apart; the last one takes what comes beyond. */
const chunksPerBucket = 4096
/** What a key costs beside the bytes of its events: its place in the tables, the list of its chunks. */
const rowOverheadBytes = 160
/** Histories looked at in one call of `evict`, at least; a quarter of all when there are many. */
const evictionSteps = 4096
const used = 1
/** The open chunk has to be written. */
const dirty = 2
/** The list of chunks has to be written. */
const headerDirty = 4
/** Chunks deleted in one commit, about: expiry never holds the task up. Twice what was begun, where that is more. */
const expiredPerCommit = 2000

const bytesCodec: Pick<Serde<Buffer>, 'read' | 'write'> = {
  write: (chunk, out) => out.raw(chunk),
  read: (bytes, start, end) => bytes.subarray(start, end),
}
const noBytes = Buffer.alloc(0)

/**
 * Events by key, in chunks of a few in the order of their arrival, so that each commit writes only the newest chunk,
 * and a key is read by point reads: its header lists its chunks. A chunk belongs to the bucket of time of its youngest
 * event; when no window reaches a bucket any more, its chunks are deleted. Histories are kept within the task's cache
 * budget.
 */
export class EventStore {
  readonly #slots: SlotStore<Buffer>
  readonly #headers: CachedStore<Buffer>
  readonly #onMoved: (row: number) => void
  readonly #bucketMs: number
  readonly #retentionMs: number
  readonly #table = new KeyTable()
  readonly book: EventBook
  /** By row: the numbers of its chunks; events go into the last one. */
  readonly #chunks = new ChunkLists()
  #flags = new Uint8Array(64)
  #dirtyRows: number[] = []
  /** Chunks begun since the last commit. */
  #begun = 0
  #hand = 0

  /**
   * Events are deleted when they are older than stream time less `retentionMs`, in whole buckets of an eighth of
   * `spanMs`. `onMoved` tells that the places of a row's events have changed, or that they are gone.
   */
  constructor(
    state: TaskState,
    name: string,
    event: Serde<any>,
    retention: { spanMs: number; retentionMs: number },
    onMoved: (row: number) => void = () => undefined,
  ) {
    this.book = new EventBook(event)
    this.#onMoved = onMoved
    this.#bucketMs = Math.max(1, Math.ceil(retention.spanMs / bucketsPerSpan))
    this.#retentionMs = retention.retentionMs
    // The book is the cache: chunks and headers are kept only until they are on disk.
    this.#headers = state.cached(name, bytesCodec, kinds.header, false)
    state.beforeFreeze(() => this.#save())
    this.#slots = new SlotStore(state, name, bytesCodec, false)
    state.addCache(this)
  }

  get slots(): SlotStore<Buffer> {
    return this.#slots
  }

  /** Memory that is held for keys in the book. */
  get bytes(): number {
    return this.book.bytes + this.#chunks.bytes + this.#table.length * rowOverheadBytes
  }

  /**
   * The key's row, which the book is turned to; read from the store when it is not here, without events before
   * `since`.
   */
  row(key: Buffer, start: number, end: number, since: number): number {
    const row = this.#table.find(key, start, end)
    if (row < 0) return this.#load(key, start, end, since)
    this.#flags[row]! |= used
    this.book.at(row)
    return row
  }

  /** Adds an event to the key's row, which `row` gave just now; answers its place among the row's events. */
  insert(row: number, key: Buffer, start: number, end: number, time: number, event: unknown): number {
    this.#openFor(row, key, start, end, time)
    return this.book.insert(time, event)
  }

  /** Makes sure that the row's open chunk is one for an event at `time`. */
  #openFor(row: number, key: Buffer, start: number, end: number, time: number): void {
    const book = this.book
    const youngest = book.length === 0 ? time : Math.max(time, book.time(book.length - 1))
    const bucket = Math.floor(youngest / this.#bucketMs)
    const open = this.#chunks.last(row)
    const isOpenBucket = Math.floor(open / chunksPerBucket) === bucket
    const isFull = book.openCount >= eventsPerChunk && (open + 1) % chunksPerBucket !== 0
    const flags = this.#flags[row]!
    if ((flags & dirty) === 0) this.#dirtyRows.push(row)
    if (isOpenBucket && !isFull && book.openCount > 0) {
      this.#flags[row] = flags | dirty
      return
    }
    if ((flags & dirty) !== 0) this.#saveChunk(row, key, start, end)
    book.rollOver()
    this.#begun++
    this.#chunks.push(row, isOpenBucket ? open + 1 : bucket * chunksPerBucket)
    this.#flags[row] = flags | dirty | headerDirty
    if (!isOpenBucket) this.#slots.register(key, start, end, bucket * this.#bucketMs)
  }

  #load(key: Buffer, start: number, end: number, since: number): number {
    const header = this.#headers.peek(key, start, end) ?? noBytes
    const row = this.#table.add(key, start, end)
    if (row >= this.#flags.length) this.#flags = longerBytes(this.#flags, row + 1)
    this.#flags[row] = used
    this.#chunks.load(row, header)
    this.book.open(row)
    for (const number of readChunkList(header)) {
      const chunk = this.#slots.peek(key, start, end, number)
      if (chunk !== undefined) this.book.load(chunk, since)
    }
    return row
  }

  /** Writes the chunks and headers that changed, and forgets what no window reaches. */
  #save(): void {
    const since = this.#slots.root.streamTime - this.#retentionMs
    for (const row of this.#dirtyRows) {
      // Nothing is added to this table until the changes are written.
      const { bytes } = this.#table
      const start = this.#table.keyStart(row)
      const end = this.#table.keyEnd(row)
      this.book.at(row)
      this.#saveChunk(row, bytes, start, end)
      if (this.book.time(0) < since) this.#trim(row, since)
      const flags = this.#flags[row]!
      this.#flags[row] = flags & used
      if ((flags & headerDirty) === 0) continue
      this.#headers.set(this.#headers.rowToWrite(bytes, start, end), this.#chunks.encoded(row))
    }
    this.#dirtyRows = []
    this.#expire()
    this.#tidy()
  }

  /** The book is turned to the row. */
  #saveChunk(row: number, key: Buffer, start: number, end: number): void {
    const number = this.#chunks.last(row)
    this.#slots.entries.set(this.#slots.rowToWrite(key, start, end, number), this.book.openChunk())
  }

  /** Half of the events or nothing: moving the rest costs as much as it frees. */
  #trim(row: number, since: number): void {
    const gone = lowerBound(this.book, since)
    if (gone === 0 || gone * 2 < this.book.length) return
    this.book.drop(gone)
    this.#onMoved(row)
  }

  /** Deletes whole buckets that no window reaches, about so many chunks at a time. */
  #expire(): void {
    const { root } = this.#slots
    let left = Math.max(expiredPerCommit, 2 * this.#begun)
    this.#begun = 0
    const reached = Math.floor((root.streamTime - this.#retentionMs) / this.#bucketMs)
    while (left > 0) {
      const slot = this.#slots.slots[0]?.slot
      if (slot === undefined) return
      const bucket = Math.floor(slot / this.#bucketMs)
      if (bucket >= reached) return
      left--
      for (const key of this.#slots.takePage(slot)) left -= this.#expireKey(key, bucket, reached, left)
    }
  }

  /**
   * Deletes the key's chunks of a bucket, and as many as may go of those before `reached`: a list is written once for
   * many. Says how many there were.
   */
  #expireKey(key: Buffer, bucket: number, reached: number, most: number): number {
    const { entries } = this.#slots
    const headerRow = this.#headers.row(key, 0, key.length)
    const { gone, kept } = splitChunkList(this.#headers.get(headerRow) ?? noBytes, (number, before) => {
      const of = Math.floor(number / chunksPerBucket)
      return of <= bucket || (before < most && of < reached)
    })
    if (gone.length === 0) return 0
    for (const number of gone) entries.set(this.#slots.rowToWrite(key, 0, key.length, number), undefined)
    this.#headers.set(headerRow, kept.length === 0 ? undefined : kept)
    this.#forgetChunks(key, kept)
    return gone.length
  }

  #forgetChunks(key: Buffer, kept: Buffer): void {
    const row = this.#table.find(key, 0, key.length)
    if (row < 0) return
    if (kept.length === 0) this.#drop(row)
    else this.#chunks.load(row, kept)
  }

  /** Forgets keys that were not used lately. Called between records; those with unsaved events stay. */
  evict(budgetBytes: number): void {
    let steps = Math.min(this.#table.rowsEnd * 2, Math.max(evictionSteps, this.#table.rowsEnd >>> 2))
    while (this.bytes > budgetBytes && steps-- > 0) {
      if (this.#hand >= this.#table.rowsEnd) this.#hand = 0
      const row = this.#hand++
      if (!this.#table.isUsed(row)) continue
      const flags = this.#flags[row]!
      if ((flags & dirty) !== 0) continue
      if ((flags & used) !== 0) this.#flags[row] = flags & ~used
      else this.#drop(row)
    }
    this.#tidy()
  }

  #tidy(): void {
    this.book.tidy()
    this.#chunks.tidy()
  }

  #drop(row: number): void {
    this.book.free(row)
    this.#onMoved(row)
    this.#chunks.free(row)
    this.#table.remove(row)
  }
}
