import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'
import { CoolRows } from './cool-rows.ts'
import type { RowBytes } from './row-bytes.ts'
import { storedHeadBytes } from './disk-rows.ts'

/** For values on their way to bytes: encoding never waits. */
const scratch = new ByteWriter(1024)

/**
 * The values of rows: decoded, or cool, which is as bytes. The bytes of a cool row that waits for the commit or the
 * disk are held there anyway, and only those of the others here.
 */
export class RowValues<T> {
  readonly #codec: Pick<Serde<T>, 'read' | 'write'>
  readonly #values: (T | undefined)[] = []
  readonly #cool = new CoolRows()

  constructor(codec: Pick<Serde<T>, 'read' | 'write'>) {
    this.#codec = codec
  }

  /** Undefined also for a cool row. */
  get(row: number): T | undefined {
    return this.#values[row]
  }

  set(row: number, value: T | undefined): void {
    this.#values[row] = value
  }

  /** Writes the decoded value; false when there is none. */
  encode(row: number, out: ByteWriter): boolean {
    const value = this.#values[row]
    if (value !== undefined) this.#codec.write(value, out)
    return value !== undefined
  }

  /** Turns a decoded value into bytes; says how many. */
  coolDown(row: number): number {
    scratch.reset()
    this.#codec.write(this.#values[row]!, scratch)
    this.#values[row] = undefined
    this.#cool.put(row, scratch.bytes, 0, scratch.length)
    return scratch.length
  }

  /** Takes over the bytes of a cool row that waits no longer. False: it was deleted. */
  keep(row: number, from: RowBytes): boolean {
    const end = from.end(row)
    if (end >= 0) this.#cool.put(row, from.buffer(row), from.start(row), end)
    return end >= 0
  }

  /** The value of a cool row that does not wait. */
  decode(row: number): T {
    const bytes = this.#cool.copy(row)
    return this.#codec.read(bytes, 0, bytes.length)
  }

  coolBytes(row: number): number {
    return this.#cool.size(row)
  }

  /** The value of a row in bytes that wait; undefined: it was deleted. */
  decodeFrom(from: RowBytes, row: number): T | undefined {
    const end = from.end(row)
    if (end < 0) return undefined
    // A copy: the value may keep a view of its bytes, and these will be written over.
    const bytes = Buffer.from(from.buffer(row).subarray(from.start(row), end))
    return this.#codec.read(bytes, 0, bytes.length)
  }

  /** The value of what the disk holds. */
  decodeStored(stored: Buffer | undefined): T | undefined {
    return stored === undefined ? undefined : this.#codec.read(stored, storedHeadBytes, stored.length)
  }

  /** Forgets the bytes of a cool row that does not wait. */
  freeCool(row: number): void {
    this.#cool.free(row)
  }

  /** Gives memory back. */
  tidy(): void {
    this.#cool.tidy()
  }
}
