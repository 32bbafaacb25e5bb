import type { Buffer } from 'node:buffer'
import type { Serde } from '../../schemas/serde.ts'
import type { Over } from '../../topology/aggregates.ts'
import type { CachedStore } from '../state/cached.ts'
import { KeyTable } from '../state/key-table.ts'
import { kinds, SlotStore } from '../state/slots.ts'
import type { TaskState } from '../state/task-state.ts'
import { KeyHistory } from './history.ts'
import { lowerBound } from './span.ts'

/** Buckets in the longest span: few point reads for a cold key, little rewriting for a hot one. */
const bucketsPerSpan = 8
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

const bucketListCodec: Pick<Serde<readonly number[]>, 'read' | 'write'> = {
  write(buckets, out) {
    for (const bucket of buckets) out.f64(bucket)
  },
  read: (bytes, start, end) => Array.from({ length: (end - start) / 8 }, (_, i) => bytes.readDoubleBE(start + i * 8)),
}

/**
 * Events by key, in chunks of (key, bucket of time) so that each commit writes only the chunk that changed, and a key
 * is read by point reads: its header lists its chunks. Histories are kept decoded, within the task's cache budget.
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
    this.#headers = state.cached(name, bucketListCodec, kinds.header, false)
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

  /** The event at `time` was added to the key's history; events before `since` may go. */
  added(key: Buffer, start: number, end: number, history: KeyHistory, time: number, since: number): void {
    const bucket = Math.floor(time / this.#bucketMs) * this.#bucketMs
    if (history.markDirty(bucket)) this.#slots.register(key, start, end, bucket)
    this.#dirtyRows.add(this.#table.find(key, start, end))
    this.bytes += (1 - history.trim(since)) * eventBytes
  }

  #load(key: Buffer, start: number, end: number, since: number): KeyHistory {
    const buckets = this.#headers.get(this.#headers.row(key, start, end)) ?? []
    const history = new KeyHistory(this.#spans, buckets, this.#event)
    for (const bucket of buckets) {
      const chunk = this.#slots.entries.get(this.#slots.row(key, start, end, bucket))
      if (chunk !== undefined) history.log.load(chunk, since)
    }
    history.log.sort()
    const row = this.#table.add(key, start, end)
    this.#histories[row] = history
    this.bytes += historyBytes(history)
    return history
  }

  /** Writes the chunks and headers that changed, and deletes chunks whose time is over. */
  #save(): void {
    for (const row of this.#dirtyRows) {
      const history = this.#histories[row]!
      // A view: nothing is added to this table until the changes are written.
      const key = this.#table.key(row)
      for (const bucket of history.dirty) this.#saveChunk(key, history, bucket)
      history.dirty.length = 0
      if (!history.headerDirty) continue
      history.headerDirty = false
      this.#headers.set(this.#headers.rowToWrite(key, 0, key.length), [...history.buckets])
    }
    this.#dirtyRows.clear()
    this.#expire()
  }

  #saveChunk(key: Buffer, history: KeyHistory, bucket: number): void {
    const { log } = history
    const chunk = log.chunk(lowerBound(log.times, bucket), lowerBound(log.times, bucket + this.#bucketMs))
    this.#slots.entries.set(this.#slots.rowToWrite(key, 0, key.length, bucket), chunk)
  }

  /** Deletes whole buckets that no window reaches, about so many chunks at a time. */
  #expire(): void {
    const { entries, root } = this.#slots
    let left = expiredPerCommit
    while (left > 0) {
      const bucket = this.#slots.slots[0]?.slot
      if (bucket === undefined || bucket + this.#bucketMs > root.streamTime - this.#retentionMs) return
      for (const key of this.#slots.takePage(bucket)) {
        const row = this.#slots.row(key, 0, key.length, bucket)
        if (entries.get(row) === undefined) continue
        left--
        entries.set(row, undefined)
        this.#forgetBucket(key, bucket)
      }
    }
  }

  #forgetBucket(key: Buffer, bucket: number): void {
    const headerRow = this.#headers.row(key, 0, key.length)
    const buckets = (this.#headers.get(headerRow) ?? []).filter(other => other !== bucket)
    this.#headers.set(headerRow, buckets.length === 0 ? undefined : buckets)
    const row = this.#table.find(key, 0, key.length)
    if (row < 0) return
    const history = this.#histories[row]!
    this.bytes -= historyBytes(history)
    history.trim(bucket + this.#bucketMs)
    history.forgetBucket(bucket)
    this.bytes += historyBytes(history)
    if (buckets.length === 0) this.#drop(row)
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
