import { Buffer } from 'node:buffer'

/** Beyond any size at which the C library still puts a block between others: a slab comes from the system alone. */
const slabBytes = 33_554_432

/**
 * Segments of memory for what lives long, cut from large slabs: among the buffers that come and go with every batch
 * they would keep whole regions of the C library's heap from being used again. What was never written of a slab takes
 * no memory. Segments are used again; slabs are kept.
 */
export class Segments {
  readonly segmentBytes: number
  readonly #slabBytes: number
  readonly #free: Buffer[] = []
  #slab = Buffer.alloc(0)
  #end = 0

  /** `slabBytes`: a multiple of `segmentBytes`. */
  constructor(segmentBytes: number, slabBytes: number) {
    this.segmentBytes = segmentBytes
    this.#slabBytes = slabBytes
  }

  take(): Buffer {
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.#end === this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(this.#slabBytes)
      this.#end = 0
    }
    const start = this.#end
    this.#end += this.segmentBytes
    return this.#slab.subarray(start, this.#end)
  }

  /** Takes back a segment that nobody looks at any more; other buffers are left to the garbage collector. */
  give(segment: Buffer): void {
    if (segment.length === this.segmentBytes) this.#free.push(segment)
  }
}

/** Of all arenas of a thread. */
export const segments = new Segments(262_144, slabBytes)
