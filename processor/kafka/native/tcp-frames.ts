import { Buffer } from 'node:buffer'

/** Frames beyond this are no Kafka answers: something else listens there, or bytes were lost. */
const frameMaxBytes = 2 ** 30

/**
 * Cuts a stream of bytes into frames: four bytes of length, then the frame. Each frame gets a buffer of its own, since
 * views of it live on in the engine.
 */
export class FrameReader {
  readonly #onFrame: (frame: Buffer) => void
  readonly #length = Buffer.alloc(4)
  #lengthBytes = 0
  #frame: Buffer | null = null
  #filled = 0

  constructor(onFrame: (frame: Buffer) => void) {
    this.#onFrame = onFrame
  }

  /**
   * Takes the first `size` bytes of `chunk`, which may be written again afterwards. Throws for a length that cannot
   * be.
   */
  push(chunk: Uint8Array, size: number): void {
    let at = 0
    while (at < size) {
      if (this.#frame === null) {
        while (this.#lengthBytes < 4 && at < size) this.#length[this.#lengthBytes++] = chunk[at++]!
        if (this.#lengthBytes < 4) return
        this.#begin(this.#length.readInt32BE(0))
      }
      const frame: Buffer = this.#frame!
      const taken = Math.min(size - at, frame.length - this.#filled)
      if (taken > 0) frame.set(chunk.subarray(at, at + taken), this.#filled)
      this.#filled += taken
      at += taken
      if (this.#filled === frame.length) {
        this.#frame = null
        this.#onFrame(frame)
      }
    }
  }

  #begin(length: number): void {
    if (length < 4 || length > frameMaxBytes) throw new RangeError(`a frame of ${length} bytes`)
    this.#lengthBytes = 0
    this.#filled = 0
    this.#frame = Buffer.allocUnsafeSlow(length)
  }
}
