import { Buffer } from 'node:buffer'
import { longerInts } from './longer.ts'
import { type Segments, segments } from './segments.ts'

/** Row and capacity in front of each block: how a segment is walked. */
const headBytes = 8
/** A block beyond this share of a segment has a segment of its own. */
const largeShare = 4
/** What may lie unused before segments are emptied: this share of what is used, and two segments. */
const sparePart = 0.15

interface Segment {
  readonly bytes: Buffer
  readonly view: DataView
  /** Where the next block begins. */
  end: number
  /** Bytes of blocks that are in use. */
  live: number
}

/**
 * One growing block of bytes for each row, in few large buffers: no object, and nothing for the garbage collector, for
 * each of many rows. Blocks are written one after the other; what has moved leaves a gap, and the emptiest segments are
 * emptied by `tidy` (a log-structured memory, Rumble et al., FAST 2014).
 *
 * `bytes`, `view` and `start` of a row are valid until the next `grow` or `tidy`; nobody keeps a view of them.
 */
export class RowArena {
  readonly #memory: Segments
  readonly #segments: (Segment | null)[] = []
  #freeIndexes: number[] = []
  #current = -1
  #segmentOf = new Int32Array(64).fill(-1)
  #startOf = new Int32Array(64)
  #capacityOf = new Int32Array(64)
  #live = 0
  #held = 0

  constructor(memory = segments) {
    this.#memory = memory
    abandoned.register(this, { memory, left: this.#segments })
  }

  /** Bytes of blocks in use. */
  get liveBytes(): number {
    return this.#live
  }

  /** Bytes of memory that are held. */
  get heldBytes(): number {
    return this.#held
  }

  bytes(row: number): Buffer {
    return this.#segments[this.#segmentOf[row]!]!.bytes
  }

  view(row: number): DataView {
    return this.#segments[this.#segmentOf[row]!]!.view
  }

  start(row: number): number {
    return this.#startOf[row]!
  }

  /** 0 for a row without a block. */
  capacity(row: number): number {
    return row < this.#segmentOf.length && this.#segmentOf[row]! >= 0 ? this.#capacityOf[row]! : 0
  }

  /** Gives the row a block of at least `capacity` bytes, with the first `front` and the last `back` of the old one. */
  grow(row: number, capacity: number, front: number, back: number): void {
    if (row >= this.#segmentOf.length) this.#makeRows(row)
    const rounded = (capacity + 7) & ~7
    const oldCapacity = this.capacity(row)
    const oldIndex = this.#segmentOf[row]!
    const oldStart = this.#startOf[row]!
    const index = this.#segmentFor(headBytes + rounded)
    const segment = this.#segments[index]!
    const start = segment.end + headBytes
    segment.bytes.writeInt32LE(row, segment.end)
    segment.bytes.writeInt32LE(rounded, segment.end + 4)
    segment.end = start + rounded
    segment.live += headBytes + rounded
    this.#live += headBytes + rounded
    if (oldCapacity > 0) {
      const from = this.#segments[oldIndex]!
      from.bytes.copy(segment.bytes, start, oldStart, oldStart + front)
      if (back > 0) {
        const oldEnd = oldStart + oldCapacity
        from.bytes.copy(segment.bytes, start + rounded - back, oldEnd - back, oldEnd)
      }
      this.#leave(oldIndex, headBytes + oldCapacity)
    }
    this.#segmentOf[row] = index
    this.#startOf[row] = start
    this.#capacityOf[row] = rounded
  }

  free(row: number): void {
    const capacity = this.capacity(row)
    if (capacity === 0) return
    this.#leave(this.#segmentOf[row]!, headBytes + capacity)
    this.#segmentOf[row] = -1
  }

  /** Empties the emptiest segments until little lies unused. Blocks may move. */
  tidy(): void {
    while (this.#held - this.#live > this.#live * sparePart + 2 * this.#memory.segmentBytes) {
      const index = this.#emptiest()
      if (index < 0) return
      this.#empty(index)
    }
  }

  #leave(index: number, size: number): void {
    const segment = this.#segments[index]!
    segment.live -= size
    this.#live -= size
    if (segment.live === 0 && index !== this.#current) this.#release(index)
  }

  #release(index: number): void {
    const segment = this.#segments[index]!
    this.#segments[index] = null
    this.#freeIndexes.push(index)
    this.#held -= segment.bytes.length
    this.#memory.give(segment.bytes)
  }

  #emptiest(): number {
    let found = -1
    let least = Infinity
    for (let index = 0; index < this.#segments.length; index++) {
      const segment = this.#segments[index]!
      if (segment === null || index === this.#current) continue
      const share = segment.live / segment.bytes.length
      if (share >= least) continue
      least = share
      found = index
    }
    // Moving full segments frees nothing.
    return least < 0.95 ? found : -1
  }

  #empty(index: number): void {
    const segment = this.#segments[index]!
    for (let at = 0; at < segment.end;) {
      const row = segment.bytes.readInt32LE(at)
      const capacity = segment.bytes.readInt32LE(at + 4)
      const start = at + headBytes
      at = start + capacity
      if (this.#segmentOf[row] !== index || this.#startOf[row] !== start) continue
      this.grow(row, capacity, capacity, 0)
      if (this.#segments[index] !== segment) return
    }
  }

  /** The index of a segment with room for `size` bytes at its end. */
  #segmentFor(size: number): number {
    if (size * largeShare > this.#memory.segmentBytes) return this.#add(newSegment(Buffer.allocUnsafeSlow(size)))
    const current = this.#segments[this.#current]
    if (current !== undefined && current !== null && current.end + size <= this.#memory.segmentBytes)
      return this.#current
    const full = this.#current
    this.#current = this.#add(newSegment(this.#memory.take()))
    if (full >= 0 && this.#segments[full]!.live === 0) this.#release(full)
    return this.#current
  }

  #add(segment: Segment): number {
    this.#held += segment.bytes.length
    const index = this.#freeIndexes.pop() ?? this.#segments.length
    this.#segments[index] = segment
    return index
  }

  #makeRows(row: number): void {
    this.#segmentOf = longerInts(this.#segmentOf, row + 1, -1)
    this.#startOf = longerInts(this.#startOf, row + 1)
    this.#capacityOf = longerInts(this.#capacityOf, row + 1)
  }
}

const newSegment = (bytes: Buffer): Segment => ({
  bytes,
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
  end: 0,
  live: 0,
})

/** An arena goes with its task; its segments are for others then. */
const abandoned = new FinalizationRegistry<{ memory: Segments; left: (Segment | null)[] }>(({ memory, left }) => {
  for (const segment of left) if (segment !== null) memory.give(segment.bytes)
})
