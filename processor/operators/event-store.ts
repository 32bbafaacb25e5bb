import type { Buffer } from 'node:buffer'
import type { Serde } from '../../schemas/serde.ts'
import type { Over } from '../../topology/aggregates.ts'
import type { CachedStore } from '../state/cached.ts'
import { KeyTable } from '../state/key-table.ts'
import { kinds, SlotStore } from '../state/slots.ts'
import type { TaskState } from '../state/task-state.ts'
import { KeyHistory } from './history.ts'

/** Buckets of time in the longest span: what is too old is deleted a bucket at a time. */
const bucketsPerSpan = 8
/** Events in a chunk: few point reads for a cold key, little rewriting with each new event. */
const eventsPerChunk = 12
/** Chunks of one key and bucket are numbered apart; the last one takes what comes beyond. */
const chunksPerBucket = 4096
/** What a remembered event costs in memory, roughly: its bytes, and its place in two lists. */
const eventBytes = 96
/** What a history costs beside its events: its spans, their folds, its latest event. */
const historyOverheadBytes = 1400
/** Histories looked at in one call of `evict`, at least; a quarter of all when there are many. */
const evictionSteps = 4096
/** Chunks deleted in one commit, about: expiry never holds the task up. */
const expiredPerCommit = 2000

const chunkCodec: Pick<Serde<Buffer>, 'read' | 'write'> = {
  write: (chunk, out) => out.raw(chunk),
  read: (bytes, start, end) => bytes.subarray(start, end),
}

const numbersCodec: Pick<Serde<readonly number[]>, 'read' | 'write'> = {
  write(numbers, out) {
    for (const number of numbers) out.f64(number)
  },
  read: (bytes, start, end) => Array.from({ length: (end - start) / 8 }, (_, i) => bytes.readDoubleBE(start + i * 8)),
}

/**
 * Events by key, in chunks of a few in the order of their arrival, so that each commit writes only the newest chunk,
 * and a key is read by point reads: its header lists its chunks. A chunk belongs to the bucket of time of its youngest
 * event; when no window reaches a bucket any more, its chunks are deleted. Histories are kept within the task's cache
 * budget.
 */
export class EventStore {
  readonly #slots: SlotStore<Buffer>
  readonly #headers: CachedStore<readonly number[]>
  readonly #event: Serde<any>
  readonly #spans: readonly Over<any, any, any>[]
  readonly #bucketMs: number
  readonly #retentionMs: number
  readonly #table = new KeyTable()
  readonly #histories: (KeyHistory | undefined)[] = []
  readonly #dirtyRows = new Set<number>()
  #hand = 0
  bytes = 0

  constructor(
    state: TaskState,
    name: string,
    event: Serde<any>,
    spans: readonly Over<any, any, any>[],
    graceMs: number,
  ) {
    const longest = Math.max(...spans.map(span => span.spanMs))
    this.#event = event
    this.#spans = spans
    this.#bucketMs = Math.max(1, Math.ceil(longest / bucketsPerSpan))
    this.#retentionMs = longest + graceMs
    // Histories are the cache: chunks and headers are kept only until they are on disk.
    this.#headers = state.cached(name, numbersCodec, kinds.header, false)
    state.beforeFreeze(() => this.#save())
    this.#slots = new SlotStore(state, name, chunkCodec, false)
    state.addCache(this)
  }

  get slots(): SlotStore<Buffer> {
    return this.#slots
  }

  /** The history of a key, read from the store when it is not here. Events before `since` are left out. */
  history(key: Buffer, start: number, end: number, since: number): KeyHistory {
    const row = this.#table.find(key, start, end)
    if (row >= 0) {
      const history = this.#histories[row]!
      history.used = true
      return history
    }
    return this.#load(key, start, end, since)
  }

  /** Makes room for an event at `time` that is about to be added to the key's history. */
  expect(key: Buffer, start: number, end: number, history: KeyHistory, time: number): void {
    const { log } = history
    const youngest = Math.max(time, log.times[log.length - 1] ?? 0)
    const bucket = Math.floor(youngest / this.#bucketMs)
    const open = history.chunks.at(-1)
    const isOpenBucket = open !== undefined && Math.floor(open / chunksPerBucket) === bucket
    const isFull = log.openCount >= eventsPerChunk && (open! + 1) % chunksPerBucket !== 0
    if (!isOpenBucket || isFull || log.openCount === 0) {
      if (history.isDirty) this.#saveChunk(key.subarray(start, end), history)
      log.rollOver()
      history.chunks.push(isOpenBucket ? open + 1 : bucket * chunksPerBucket)
      history.headerDirty = true
      if (!isOpenBucket) this.#slots.register(key, start, end, bucket * this.#bucketMs)
    }
    history.isDirty = true
    this.#dirtyRows.add(this.#table.find(key, start, end))
    this.bytes += eventBytes
  }

  #load(key: Buffer, start: number, end: number, since: number): KeyHistory {
    const chunks = this.#headers.get(this.#headers.row(key, start, end)) ?? []
    const history = new KeyHistory(this.#spans, chunks, this.#event)
    for (const number of chunks) {
      const chunk = this.#slots.entries.get(this.#slots.row(key, start, end, number))
      if (chunk !== undefined) history.log.load(chunk, since)
    }
    history.log.sort()
    const row = this.#table.add(key, start, end)
    this.#histories[row] = history
    this.bytes += historyBytes(history)
    return history
  }

  /** Writes the chunks and headers that changed, and forgets what no window reaches. */
  #save(): void {
    const since = this.#slots.root.streamTime - this.#retentionMs
    for (const row of this.#dirtyRows) {
      const history = this.#histories[row]!
      // A view: nothing is added to this table until the changes are written.
      const key = this.#table.key(row)
      this.#saveChunk(key, history)
      this.bytes -= history.trim(since) * eventBytes
      if (!history.headerDirty) continue
      history.headerDirty = false
      this.#headers.set(this.#headers.rowToWrite(key, 0, key.length), [...history.chunks])
    }
    this.#dirtyRows.clear()
    this.#expire()
  }

  #saveChunk(key: Buffer, history: KeyHistory): void {
    history.isDirty = false
    const number = history.chunks.at(-1)!
    this.#slots.entries.set(this.#slots.rowToWrite(key, 0, key.length, number), history.log.openChunk())
  }

  /** Deletes whole buckets that no window reaches, about so many chunks at a time. */
  #expire(): void {
    const { root } = this.#slots
    let left = expiredPerCommit
    while (left > 0) {
      const bucket = this.#slots.slots[0]?.slot
      if (bucket === undefined || bucket + this.#bucketMs > root.streamTime - this.#retentionMs) return
      for (const key of this.#slots.takePage(bucket)) left -= this.#expireKey(key, Math.floor(bucket / this.#bucketMs))
    }
  }

  /** Deletes the key's chunks of a bucket; says how many there were. */
  #expireKey(key: Buffer, bucket: number): number {
    const { entries } = this.#slots
    const headerRow = this.#headers.row(key, 0, key.length)
    const chunks = this.#headers.get(headerRow) ?? []
    const gone = chunks.filter(number => Math.floor(number / chunksPerBucket) === bucket)
    if (gone.length === 0) return 0
    for (const number of gone) entries.set(this.#slots.rowToWrite(key, 0, key.length, number), undefined)
    const kept = chunks.filter(number => !gone.includes(number))
    this.#headers.set(headerRow, kept.length === 0 ? undefined : kept)
    this.#forgetChunks(key, kept)
    return gone.length
  }

  #forgetChunks(key: Buffer, kept: readonly number[]): void {
    const row = this.#table.find(key, 0, key.length)
    if (row < 0) return
    const history = this.#histories[row]!
    if (kept.length === 0) {
      this.#drop(row)
      return
    }
    history.chunks = [...kept]
  }

  /** Forgets histories that were not used lately. Called between records; those with unsaved events stay. */
  evict(budgetBytes: number): void {
    let steps = Math.min(this.#table.rowsEnd * 2, Math.max(evictionSteps, this.#table.rowsEnd >>> 2))
    while (this.bytes > budgetBytes && steps-- > 0) {
      if (this.#hand >= this.#table.rowsEnd) this.#hand = 0
      const row = this.#hand++
      if (!this.#table.isUsed(row) || this.#dirtyRows.has(row)) continue
      const history = this.#histories[row]!
      if (history.used) history.used = false
      else this.#drop(row)
    }
  }

  #drop(row: number): void {
    this.bytes -= historyBytes(this.#histories[row]!)
    this.#histories[row] = undefined
    this.#table.remove(row)
  }
}

const historyBytes = (history: KeyHistory): number => historyOverheadBytes + history.log.length * eventBytes
