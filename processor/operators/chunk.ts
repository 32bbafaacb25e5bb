import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'

/** Shared by all chunks: an event is written here first, because its size is not known before. */
const scratch = new ByteWriter(1024)
const headBytes = 12
const firstBytes = 128

/**
 * Events of one key and bucket of time as bytes, in the order of their arrival: each with its time (float64) and its
 * length (int32) in front. Appending does not touch what is there, so an event is encoded once.
 */
export class Chunk {
  bytes: Buffer
  length: number

  constructor(bytes: Buffer = Buffer.allocUnsafe(firstBytes), length = 0) {
    this.bytes = bytes
    this.length = length
  }

  append(time: number, event: unknown, serde: Serde<any>): void {
    scratch.reset()
    serde.write(event, scratch)
    const size = scratch.length
    const end = this.length + headBytes + size
    if (end > this.bytes.length) this.#grow(end)
    this.bytes.writeDoubleBE(time, this.length)
    this.bytes.writeInt32BE(size, this.length + 8)
    scratch.bytes.copy(this.bytes, this.length + headBytes, 0, size)
    this.length = end
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafe(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
  }

  /** Calls `take` for each event, in the order of arrival. */
  read(serde: Serde<any>, take: (time: number, event: unknown) => void): void {
    let at = 0
    while (at < this.length) {
      const time = this.bytes.readDoubleBE(at)
      const start = at + headBytes
      at = start + this.bytes.readInt32BE(at + 8)
      take(time, serde.read(this.bytes, start, at))
    }
  }
}

export const chunkCodec: Pick<Serde<Chunk>, 'read' | 'write'> = {
  write: (chunk, out) => out.raw(chunk.bytes, 0, chunk.length),
  read: (bytes, start, end) => new Chunk(Buffer.from(bytes.subarray(start, end)), end - start),
}
