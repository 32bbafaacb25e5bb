import { Buffer } from 'node:buffer'
import { bufferPool } from '../../schemas/buffer-pool.ts'
import { AppError } from '../errors.ts'
import type { PartitionBuffer } from '../ports.ts'
import type { Store, StoreWrite } from '../state-port.ts'
import { checksumBytes, intact, seal } from './checksum.ts'
import type { KeyTable } from './key-table.ts'
import type { RowBytes } from './row-bytes.ts'

/** The entries on disk whose keys begin with a prefix; each value has a checksum in front. */
export class DiskRows {
  readonly #store: Store
  readonly #prefix: Buffer
  readonly #inFront: number
  #scratch: Buffer

  /** The last `inFront` bytes of the prefix are in front of keys in the changelog too. */
  constructor(store: Store, prefix: Buffer, inFront: number) {
    this.#inFront = inFront
    this.#store = store
    this.#prefix = prefix
    this.#scratch = Buffer.allocUnsafe(256)
    prefix.copy(this.#scratch)
  }

  /** Puts the prefix and `bytes[start, end)` into the scratch bytes; answers their size. */
  #putKey(bytes: Buffer, start: number, end: number): number {
    const prefix = this.#prefix
    const size = prefix.length + end - start
    if (size > this.#scratch.length) {
      this.#scratch = Buffer.allocUnsafe(size * 2)
      prefix.copy(this.#scratch)
    }
    bytes.copy(this.#scratch, prefix.length, start, end)
    return size
  }

  /** The checksum and the value. Throws STATE_CORRUPT when they do not match. */
  get(bytes: Buffer, start: number, end: number): Buffer | undefined {
    const size = this.#putKey(bytes, start, end)
    const key = this.#scratch.subarray(0, size)
    const stored = this.#store.get(key)
    if (stored !== undefined && !intact(key, stored)) {
      throw new AppError('STATE_CORRUPT', `The stored value of key ${key.toString('hex')} does not match its checksum.`)
    }
    return stored
  }

  /** Writes a changelog record for each row: its bytes, or null where it was deleted. */
  log(rows: readonly number[], table: KeyTable, values: RowBytes, changelog: PartitionBuffer, timestamp: number): void {
    const skipped = this.#prefix.length - this.#inFront
    for (const row of rows) {
      let key = table.bytes
      let keyStart = table.keyStart(row)
      let keyEnd = table.keyEnd(row)
      if (this.#inFront > 0) {
        keyEnd = this.#putKey(key, keyStart, keyEnd)
        keyStart = skipped
        key = this.#scratch
      }
      const end = values.end(row)
      const value = end < 0 ? null : values.buffer(row)
      changelog.append(timestamp, key, keyStart, keyEnd, value, values.start(row), end, null, 0, 0)
    }
  }

  /** Adds to `batch` what writes the rows. Their keys and values are views of a buffer of the pool: the answer. */
  drain(rows: readonly number[], table: KeyTable, values: RowBytes, batch: StoreWrite[]): Buffer {
    let size = 0
    for (const row of rows) size += this.#prefix.length + table.keySize(row) + checksumBytes + values.size(row)
    const bytes = bufferPool.take(size)
    let at = 0
    for (const row of rows) {
      const keySize = this.#putKey(table.bytes, table.keyStart(row), table.keyEnd(row))
      this.#scratch.copy(bytes, at, 0, keySize)
      const key = bytes.subarray(at, at + keySize)
      at += keySize
      const start = values.start(row)
      const end = values.end(row)
      if (end < 0) {
        batch.push({ key, value: null })
        continue
      }
      values.buffer(row).copy(bytes, at + checksumBytes, start, end)
      const stored = bytes.subarray(at, at + checksumBytes + end - start)
      at += stored.length
      seal(key, stored)
      batch.push({ key, value: stored })
    }
    return bytes
  }
}

/** Bytes in front of each value on disk. */
export const storedHeadBytes = checksumBytes
