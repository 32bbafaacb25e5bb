import { Buffer } from 'node:buffer'

const leastBits = 10
const mostBits = 20

/**
 * Buffers that are used again: what is written and sent at every commit is megabytes a second, and would otherwise wait
 * for the garbage collector outside of its heap, and make it run more often. Sizes are powers of two.
 */
export class BufferPool {
  readonly #free: Buffer[][] = Array.from({ length: mostBits + 1 }, () => [])
  readonly #mostBytes: number
  #heldBytes = 0

  /** `mostBytes`: what is kept for later at most. */
  constructor(mostBytes = 16 << 20) {
    this.#mostBytes = mostBytes
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** A buffer of at least `size` bytes, with any content. */
  take(size: number): Buffer {
    if (size > 1 << mostBits) return Buffer.allocUnsafeSlow(size)
    const bits = Math.max(leastBits, 32 - Math.clz32(Math.max(1, size) - 1))
    const bytes = this.#free[bits]!.pop()
    if (bytes === undefined) return Buffer.allocUnsafeSlow(1 << bits)
    this.#heldBytes -= bytes.length
    return bytes
  }

  /** Takes back a whole buffer that nobody looks at any more. Once: it is written over by whoever takes it next. */
  give(bytes: Buffer): void {
    const size = bytes.length
    const bits = 31 - Math.clz32(size)
    if (size !== 1 << bits || bits < leastBits || bits > mostBits) return
    if (this.#heldBytes + size > this.#mostBytes) return
    this.#heldBytes += size
    this.#free[bits]!.push(bytes)
  }
}

export const bufferPool = new BufferPool()
