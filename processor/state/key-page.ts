import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'

/** A list of keys as bytes: for each its length and itself. */
export class KeyPage {
  readonly #bytes: ByteWriter

  constructor(bytes = new ByteWriter(64)) {
    this.#bytes = bytes
  }

  get length(): number {
    return this.#bytes.length
  }

  add(key: Buffer, start: number, end: number): void {
    this.#bytes.uvarint(end - start)
    this.#bytes.raw(key, start, end)
  }

  /** Appends copies of the keys to `into`. */
  collect(into: Buffer[]): void {
    const { bytes, length } = this.#bytes
    let at = 0
    while (at < length) {
      let size = 0
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[at++]!
        size |= (byte & 127) << shift
        if (byte < 128) break
      }
      into.push(Buffer.from(bytes.subarray(at, at + size)))
      at += size
    }
  }

  writeTo(out: ByteWriter): void {
    out.raw(this.#bytes.bytes, 0, this.#bytes.length)
  }
}

export const keyPageCodec: Pick<Serde<KeyPage>, 'read' | 'write'> = {
  write: (page, out) => page.writeTo(out),
  read(bytes, start, end) {
    const content = new ByteWriter(end - start + 64)
    content.raw(bytes, start, end)
    return new KeyPage(content)
  },
}
