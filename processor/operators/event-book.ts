import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'
import { longerInts } from '../state/longer.ts'
import { RowArena } from '../state/row-arena.ts'
import { type Events, upperBound } from './span.ts'

/** Shared by all books: an event is written here first, because its size is not known before. */
const scratch = new ByteWriter(1024)
const timeBytes = 8
/** Time (float64) and size (int32) in front of each event, as in the chunks on disk. */
const headBytes = timeBytes + 4
const indexBytes = 4
const leastBlockBytes = 128
/** What one event that is kept may keep from being freed. */
const copyBlockBytes = 16_384
const noBytes = Buffer.alloc(0)

/**
 * The events of many keys, one row each, as bytes: a month of payments takes a tenth of what objects would, and the
 * garbage collector sees nothing of it. A row's block holds its events in the order of arrival and, from its end
 * backwards, where each starts in the order of (time, arrival):
 *
 * ```
 * | 12:00 a | 12:07 b | 12:03 c |    free    | b | c | a |
 *           ^ openStart: the open chunk is b, c
 * ```
 *
 * `at` turns the book to a row; everything else is about that row. What `event` returns may keep a view of the bytes
 * that it was read from: they are a copy, because blocks move.
 */
export class EventBook implements Events {
  readonly #serde: Serde<any>
  readonly #arena = new RowArena()
  #row = -1
  #counts = new Int32Array(64)
  #ends = new Int32Array(64)
  #openStarts = new Int32Array(64)
  #openCounts = new Int32Array(64)
  /** The event that was added last: it need not be read. */
  #latest: unknown = undefined
  #latestIndex = -1
  /** Events read from the row so far, by index: several spans ask for the same ones. */
  readonly #known: unknown[] = []
  #knownFrom = Infinity
  #knownTo = 0
  /** Where events are copied to before they are read: never written twice, for what was read may keep views of it. */
  #copies = Buffer.allocUnsafeSlow(copyBlockBytes)
  #copiesEnd = 0
  /** Bytes of the row from `copyStart` on are copied, to `copyAt`; -1: none. */
  #copyStart = -1
  #copyAt = 0

  constructor(serde: Serde<any>) {
    this.#serde = serde
  }

  get bytes(): number {
    return this.#arena.liveBytes
  }

  /** Turns to a row, and forgets what was read of the one before. */
  at(row: number): void {
    this.#row = row
    this.#latestIndex = -1
    this.#latest = undefined
    this.#forgetKnown()
  }

  /** A new row, without events. */
  open(row: number): void {
    if (row >= this.#counts.length) this.#makeRows(row)
    this.#counts[row] = 0
    this.#ends[row] = 0
    this.#openStarts[row] = 0
    this.#openCounts[row] = 0
    this.at(row)
  }

  free(row: number): void {
    this.#arena.free(row)
  }

  /** Gives memory back. Blocks may move. */
  tidy(): void {
    this.#arena.tidy()
  }

  get length(): number {
    return this.#counts[this.#row]!
  }

  /** Events in the open chunk. */
  get openCount(): number {
    return this.#openCounts[this.#row]!
  }

  time(index: number): number {
    return this.#arena.view(this.#row).getFloat64(this.#arena.start(this.#row) + this.#startOf(index))
  }

  event(index: number): unknown {
    if (index === this.#latestIndex) return this.#latest
    const known = this.#known[index]
    if (known !== undefined) return known
    const start = this.#startOf(index)
    const size = this.#sizeAt(start)
    const isCopied = this.#copyStart >= 0 && start >= this.#copyStart
    const at = isCopied ? this.#copyAt + start - this.#copyStart : this.#copyOut(start, start + size)
    const event: unknown = this.#serde.read(this.#copies, at + headBytes, at + size)
    this.#known[index] = event
    if (index < this.#knownFrom) this.#knownFrom = index
    if (index >= this.#knownTo) this.#knownTo = index + 1
    return event
  }

  /** As `event`, read from the row's own bytes, which are used again: good until the book is changed. */
  peek(index: number): unknown {
    const start = this.#startOf(index)
    const at = this.#arena.start(this.#row) + start
    return this.#serde.read(this.#arena.bytes(this.#row), at + headBytes, at + this.#sizeAt(start))
  }

  /** The events from `index` on are about to be read: their bytes are copied at once. */
  expect(index: number): void {
    const count = this.length
    if (this.#copyStart >= 0 || index >= count) return
    let least = this.#ends[this.#row]!
    for (let i = index; i < count; i++) if (i !== this.#latestIndex) least = Math.min(least, this.#startOf(i))
    const end = this.#ends[this.#row]!
    if (least >= end) return
    this.#copyAt = this.#copyOut(least, end)
    this.#copyStart = least
  }

  /** Adds an event at its place, which is returned: behind all that are not younger. */
  insert(time: number, event: unknown): number {
    scratch.reset()
    scratch.f64(time)
    scratch.i32(0)
    this.#serde.write(event, scratch)
    scratch.bytes.writeInt32BE(scratch.length - headBytes, timeBytes)
    const index = this.#placeFor(time)
    this.#forgetKnown()
    this.#reserve(scratch.length, 1)
    this.#place(index, scratch.bytes, 0, scratch.length)
    this.#latest = event
    this.#latestIndex = index
    return index
  }

  /** Begins a chunk with the next event. */
  rollOver(): void {
    this.#openStarts[this.#row] = this.#ends[this.#row]!
    this.#openCounts[this.#row] = 0
  }

  /** A copy of the open chunk as it is now. */
  openChunk(): Buffer {
    return this.#copyOf(this.#openStarts[this.#row]!, this.#ends[this.#row]!)
  }

  /** Takes back a chunk from disk, but for events before `since`; it is the open one then. */
  load(chunk: Buffer, since: number): void {
    this.rollOver()
    this.#reserve(chunk.length, 4)
    for (let at = 0; at < chunk.length;) {
      const time = chunk.readDoubleBE(at)
      const end = at + headBytes + chunk.readInt32BE(at + timeBytes)
      if (time >= since) {
        const index = this.#placeFor(time)
        this.#reserve(end - at, 1)
        this.#place(index, chunk, at, end)
      }
      at = end
    }
  }

  /** Forgets the oldest `count` events. The chunk that was open is not: the next event begins another. */
  drop(count: number): void {
    const kept = this.length - count
    const events: Buffer[] = []
    for (let i = count; i < count + kept; i++) {
      const start = this.#startOf(i)
      events.push(this.#copyOf(start, start + this.#sizeAt(start)))
    }
    const row = this.#row
    this.#arena.free(row)
    this.open(row)
    for (const [index, event] of events.entries()) {
      this.#reserve(event.length, kept)
      this.#place(index, event, 0, event.length)
    }
    this.rollOver()
  }

  /** Behind all events that are not younger; mostly that is the end. */
  #placeFor(time: number): number {
    const count = this.length
    return count === 0 || this.time(count - 1) <= time ? count : upperBound(this, time)
  }

  #forgetKnown(): void {
    this.#copyStart = -1
    for (let i = this.#knownFrom; i < this.#knownTo; i++) this.#known[i] = undefined
    this.#knownFrom = Infinity
    this.#knownTo = 0
  }

  #startOf(index: number): number {
    const arena = this.#arena
    const row = this.#row
    return arena.view(row).getInt32(arena.start(row) + arena.capacity(row) - indexBytes * (index + 1))
  }

  #sizeAt(start: number): number {
    return headBytes + this.#arena.view(this.#row).getInt32(this.#arena.start(this.#row) + start + timeBytes)
  }

  /** Copies bytes of the row to where they may stay; says where that is. */
  #copyOut(start: number, end: number): number {
    const size = end - start
    if (this.#copiesEnd + size > this.#copies.length) {
      this.#copies = Buffer.allocUnsafeSlow(Math.max(copyBlockBytes, size))
      this.#copiesEnd = 0
      this.#copyStart = -1
    }
    const at = this.#copiesEnd
    const from = this.#arena.start(this.#row) + start
    this.#arena.bytes(this.#row).copy(this.#copies, at, from, from + size)
    this.#copiesEnd = at + size
    return at
  }

  #copyOf(start: number, end: number): Buffer {
    // A row without events may have no block.
    if (start === end) return noBytes
    const at = this.#arena.start(this.#row)
    const copy = Buffer.allocUnsafe(end - start)
    this.#arena.bytes(this.#row).copy(copy, 0, at + start, at + end)
    return copy
  }

  /** Makes room for `size` bytes of events and `entries` more entries of the index. */
  #reserve(size: number, entries: number): void {
    const row = this.#row
    const used = this.#ends[row]!
    const index = this.#counts[row]! * indexBytes
    const needed = used + size + index + entries * indexBytes
    if (needed <= this.#arena.capacity(row)) return
    this.#arena.grow(row, Math.max(leastBlockBytes, needed + (needed >>> 3)), used, index)
  }

  /** Appends bytes that there is room for, and enters them in the index. */
  #place(index: number, from: Buffer, start: number, end: number): void {
    const row = this.#row
    const arena = this.#arena
    const count = this.#counts[row]!
    const at = this.#ends[row]!
    const block = arena.start(row)
    const blockEnd = block + arena.capacity(row)
    const bytes = arena.bytes(row)
    from.copy(bytes, block + at, start, end)
    if (index < count) {
      const last = blockEnd - indexBytes * count
      bytes.copyWithin(last - indexBytes, last, blockEnd - indexBytes * index)
    }
    arena.view(row).setInt32(blockEnd - indexBytes * (index + 1), at)
    this.#counts[row] = count + 1
    this.#ends[row] = at + end - start
    this.#openCounts[row]!++
  }

  #makeRows(row: number): void {
    this.#counts = longerInts(this.#counts, row + 1)
    this.#ends = longerInts(this.#ends, row + 1)
    this.#openStarts = longerInts(this.#openStarts, row + 1)
    this.#openCounts = longerInts(this.#openCounts, row + 1)
  }
}
