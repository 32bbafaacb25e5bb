import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'

/** Shared by all logs: an event is written here first, because its size is not known before. */
const scratch = new ByteWriter(1024)
const headBytes = 12
const firstBytes = 128

/**
 * The events of one key in the order of (time, arrival), as bytes: a month of them is a tenth of what objects would
 * take, and an event is encoded once. Each has its time (float64) and its size (int32) in front, as in the chunks on
 * disk. Bytes that were written are never changed: what was read from them may keep a view.
 */
export class EventLog {
  readonly times: number[] = []
  readonly #serde: Serde<any>
  readonly #starts: number[] = []
  // Not from Node's pool: a small buffer that lives long would keep its whole slab of 8 KiB.
  #bytes = Buffer.allocUnsafeSlow(firstBytes)
  #end = 0
  /** The event added last: spans of prior events take it in with the next one. */
  #latest: unknown = undefined
  #latestStart = -1
  /** Where the open chunk begins: events since then, in the order of arrival. */
  #openStart = 0
  openCount = 0
  /** Events decoded since the last `settle`, by where they start: several spans ask for the same ones. */
  #decoded: Map<number, unknown> | null = null

  constructor(serde: Serde<any>) {
    this.#serde = serde
  }

  get length(): number {
    return this.times.length
  }

  event(index: number): unknown {
    const start = this.#starts[index]!
    if (start === this.#latestStart) return this.#latest
    const known = this.#decoded?.get(start)
    if (known !== undefined) return known
    const event: unknown = this.#serde.read(this.#bytes, start + headBytes, start + this.#sizeAt(start))
    this.#decoded ??= new Map()
    this.#decoded.set(start, event)
    return event
  }

  /** Forgets what was decoded on the way. */
  settle(): void {
    this.#decoded = null
  }

  /** Adds an event at its place: `index` is behind all that are not younger. */
  insert(index: number, time: number, event: unknown): void {
    scratch.reset()
    scratch.f64(time)
    scratch.i32(0)
    this.#serde.write(event, scratch)
    scratch.bytes.writeInt32BE(scratch.length - headBytes, 8)
    const start = this.#take(scratch.bytes, 0, scratch.length)
    this.openCount++
    this.#latest = event
    this.#latestStart = start
    if (index === this.times.length) {
      this.times.push(time)
      this.#starts.push(start)
      return
    }
    this.times.splice(index, 0, time)
    this.#starts.splice(index, 0, start)
  }

  /** Begins a chunk with the next event. */
  rollOver(): void {
    this.#openStart = this.#end
    this.openCount = 0
  }

  /** The open chunk as it is now: a view. */
  openChunk(): Buffer {
    return this.#bytes.subarray(this.#openStart, this.#end)
  }

  /** Takes back a chunk from disk, but for events before `since`; it is the open one then. `sort` follows. */
  load(chunk: Buffer, since: number): void {
    this.rollOver()
    let at = 0
    while (at < chunk.length) {
      const time = chunk.readDoubleBE(at)
      const end = at + headBytes + chunk.readInt32BE(at + 8)
      if (time >= since) {
        this.times.push(time)
        this.#starts.push(this.#take(chunk, at, end))
        this.openCount++
      }
      at = end
    }
  }

  /** Puts loaded events in the order of (time, arrival): chunks hold them as they came. */
  sort(): void {
    const { times } = this
    if (times.every((time, i) => i === 0 || times[i - 1]! <= time)) return
    const order = times.map((time, i) => ({ time, start: this.#starts[i]! }))
    // Stable: equal times stay in the order of arrival.
    order.sort((a, b) => a.time - b.time)
    for (const [i, { time, start }] of order.entries()) {
      times[i] = time
      this.#starts[i] = start
    }
  }

  /** Forgets the oldest `count` events. The chunk that was open is not: the next event begins another. */
  drop(count: number): void {
    this.times.splice(0, count)
    this.#starts.splice(0, count)
    const old = this.#bytes
    const starts = this.#starts.map(start => ({ start, end: start + this.#sizeAt(start) }))
    this.#bytes = Buffer.allocUnsafeSlow(
      Math.max(
        firstBytes,
        starts.reduce((sum, { start, end }) => sum + end - start, 0),
      ),
    )
    this.#end = 0
    this.#latestStart = -1
    this.#latest = undefined
    this.#decoded = null
    for (const [i, { start, end }] of starts.entries()) this.#starts[i] = this.#take(old, start, end)
    this.rollOver()
  }

  #sizeAt(start: number): number {
    return headBytes + this.#bytes.readInt32BE(start + 8)
  }

  #take(from: Buffer, start: number, end: number): number {
    const at = this.#end
    const needed = at + end - start
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length + (this.#bytes.length >>> 1)))
      this.#bytes.copy(grown, 0, 0, at)
      this.#bytes = grown
    }
    from.copy(this.#bytes, at, start, end)
    this.#end = needed
    return at
  }
}
