import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'
import { AppError, assert } from '../errors.ts'
import type { PartitionBuffer } from '../ports.ts'
import type { Store, StoreWrite } from '../state-port.ts'
import { checksumBytes, intact, sealed } from './checksum.ts'
import { KeyTable } from './key-table.ts'
import { RowBytes } from './row-bytes.ts'

// A row's life. `dirty`: changed by the open transaction. `frozen`: written to the changelog by the transaction that is
// being committed. `pending`: committed, and waiting for a batch to the disk. `flushing`: in the batch under way. Only
// a row that is none of these may be evicted, so what is not on disk yet is always here.
const dirty = 1
const frozen = 2
const pending = 4
const flushing = 8
const used = 16
const pinned = dirty | frozen | pending | flushing

/** Rows looked at in one call, at least; a quarter of all when there are many. */
const evictionSteps = 4096

/** What a decoded row costs beside its bytes: its place in the table, its object. */
const rowOverheadBytes = 160
/** What a change that waits for the disk costs beside its bytes: deletions, which have none, must not wait for ever. */
const pendingOverheadBytes = 32

export interface CachedStoreOptions<T> {
  readonly store: Store
  /** In front of every key on disk. */
  readonly prefix: Buffer
  /** In front of every key in the changelog: the end of `prefix`, without the store's number. */
  readonly changelogPrefix: Buffer
  readonly codec: Pick<Serde<T>, 'read' | 'write'>
  /** False: entries are let go of as soon as they are on disk. For what is kept decoded elsewhere. Default true. */
  readonly keepsClean?: boolean
}

/**
 * Decoded entries of one kind, in front of a store on disk. Reads and writes are synchronous; a miss is one point read.
 * Changes follow the transaction: `freeze` at its end, then `committed` or `rollback`; committed changes reach the disk
 * with the next batch (`drain`, `drained`).
 */
export class CachedStore<T> {
  readonly #options: CachedStoreOptions<T>
  readonly #table = new KeyTable()
  readonly #values: (T | undefined)[] = []
  #flags = new Uint8Array(1024)
  #sizes = new Int32Array(1024)
  readonly #frozenBytes = new RowBytes()
  readonly #committedBytes = new RowBytes()
  #dirtyRows: number[] = []
  #frozenRows: number[] = []
  #pendingRows: number[] = []
  #flushingRows: number[] = []
  #keyScratch: Buffer
  #arenaGuess = 1024
  #hand = 0
  bytes = 0
  pendingBytes = 0
  /** Point reads of the disk: misses of this cache. */
  reads = 0
  hits = 0

  constructor(options: CachedStoreOptions<T>) {
    this.#options = options
    this.#keyScratch = Buffer.allocUnsafe(256)
    options.prefix.copy(this.#keyScratch)
  }

  /** The row of the key, read from disk when it is not here. Valid until the next `evict`, that is between records. */
  row(bytes: Buffer, start: number, end: number): number {
    const row = this.#table.find(bytes, start, end)
    if (row >= 0) {
      this.#flags[row]! |= used
      this.hits++
      return row
    }
    return this.#load(bytes, start, end)
  }

  /** The row of a key that is about to be set whatever it holds: nothing is read. */
  rowToWrite(bytes: Buffer, start: number, end: number): number {
    const row = this.#table.find(bytes, start, end)
    return row >= 0 ? row : this.#add(bytes, start, end)
  }

  get(row: number): T | undefined {
    return this.#values[row]
  }

  /** Sets or, with undefined, deletes. The same object again says that it was changed in place. */
  set(row: number, value: T | undefined): void {
    this.#values[row] = value
    const flags = this.#flags[row]!
    if ((flags & dirty) === 0) {
      this.#flags[row] = flags | dirty | used
      this.#dirtyRows.push(row)
    }
  }

  get dirtyCount(): number {
    return this.#dirtyRows.length
  }

  get length(): number {
    return this.#table.length
  }

  #load(bytes: Buffer, start: number, end: number): number {
    const key = this.#diskKey(bytes, start, end)
    const stored = this.#options.store.get(key)
    this.reads++
    const value = stored === undefined ? undefined : this.#decodeStored(key, stored)
    const row = this.#add(bytes, start, end)
    this.#values[row] = value
    this.#setSize(row, end - start + (stored?.length ?? 0))
    return row
  }

  #add(bytes: Buffer, start: number, end: number): number {
    const row = this.#table.add(bytes, start, end)
    if (row >= this.#flags.length) this.#grow(row)
    this.#flags[row] = used
    this.#values[row] = undefined
    this.#setSize(row, end - start)
    return row
  }

  #decodeStored(key: Buffer, stored: Buffer): T {
    if (!intact(key, stored)) {
      throw new AppError('STATE_CORRUPT', `The stored value of key ${key.toString('hex')} does not match its checksum.`)
    }
    return this.#options.codec.read(stored, checksumBytes, stored.length)
  }

  #diskKey(bytes: Buffer, start: number, end: number): Buffer {
    const { prefix } = this.#options
    const size = prefix.length + end - start
    if (size > this.#keyScratch.length) {
      this.#keyScratch = Buffer.allocUnsafe(size * 2)
      prefix.copy(this.#keyScratch)
    }
    bytes.copy(this.#keyScratch, prefix.length, start, end)
    return this.#keyScratch.subarray(0, size)
  }

  #grow(row: number): void {
    const capacity = Math.max(this.#flags.length * 2, row + 1)
    const flags = new Uint8Array(capacity)
    flags.set(this.#flags)
    this.#flags = flags
    const sizes = new Int32Array(capacity)
    sizes.set(this.#sizes)
    this.#sizes = sizes
  }

  #setSize(row: number, contentBytes: number): void {
    const size = rowOverheadBytes + contentBytes * 2
    this.bytes += size - this.#sizes[row]!
    this.#sizes[row] = size
  }

  /**
   * Ends the transaction's changes: writes one changelog record for each changed key (null where it was deleted), whose
   * bytes become the committed ones when `committed` is called. Returns how many.
   */
  freeze(changelog: PartitionBuffer, timestamp: number): number {
    assert(this.#frozenRows.length === 0, 'a transaction of this store is still being committed')
    const rows = this.#dirtyRows
    if (rows.length === 0) return 0
    const writer = new ByteWriter(this.#arenaGuess)
    const { codec } = this.#options
    for (const row of rows) {
      const value = this.#values[row]
      const start = writer.length
      if (value !== undefined) codec.write(value, writer)
      this.#frozenBytes.set(row, start, value === undefined ? -1 : writer.length)
      this.#flags[row] = (this.#flags[row]! & ~dirty) | frozen
      this.#setSize(row, this.#table.keySize(row) + writer.length - start)
    }
    this.#arenaGuess = Math.max(1024, writer.length)
    this.#logFrozen(rows, writer.bytes, changelog, timestamp)
    this.#frozenRows = rows
    this.#dirtyRows = []
    return rows.length
  }

  #logFrozen(rows: readonly number[], arena: Buffer, changelog: PartitionBuffer, timestamp: number): void {
    const { changelogPrefix } = this.#options
    const inFront = changelogPrefix.length
    const offset = this.#options.prefix.length - inFront
    for (const row of rows) {
      this.#frozenBytes.setBuffer(row, arena)
      const end = this.#frozenBytes.end(row)
      const start = this.#frozenBytes.start(row)
      const view = this.#table.key(row)
      const key = inFront === 0 ? view : this.#diskKey(view, 0, view.length).subarray(offset)
      if (end < 0) changelog.append(timestamp, key, 0, key.length, null, 0, 0, null, 0, 0)
      else changelog.append(timestamp, key, 0, key.length, arena, start, end, null, 0, 0)
    }
  }

  /** The frozen changes are committed: they wait for the disk now. */
  committed(): void {
    for (const row of this.#frozenRows) {
      const flags = this.#flags[row]!
      if ((flags & pending) === 0) this.#pendingRows.push(row)
      else this.pendingBytes -= this.#pendingSize(row)
      this.#committedBytes.take(row, this.#frozenBytes)
      this.pendingBytes += this.#pendingSize(row)
      this.#flags[row] = (flags & ~frozen) | pending
    }
    this.#frozenRows = []
  }

  #pendingSize(row: number): number {
    return pendingOverheadBytes + this.#table.keySize(row) + this.#committedBytes.size(row)
  }

  /** Forgets all that is not committed: the open transaction's changes and the frozen ones. */
  rollback(): void {
    for (const row of this.#frozenRows) this.#revert(row)
    for (const row of this.#dirtyRows) this.#revert(row)
    this.#frozenRows = []
    this.#dirtyRows = []
  }

  #revert(row: number): void {
    const flags = this.#flags[row]! & ~(dirty | frozen)
    this.#flags[row] = flags
    this.#frozenBytes.clear(row)
    if (!this.#table.isUsed(row)) return
    if ((flags & pinned) === 0) this.#remove(row)
    else this.#values[row] = this.#committedValue(row)
  }

  #committedValue(row: number): T | undefined {
    const bytes = this.#committedBytes
    if (bytes.end(row) < 0) return undefined
    return this.#options.codec.read(bytes.buffer(row), bytes.start(row), bytes.end(row))
  }

  /** Adds what waits for the disk to `batch`; `drained` must follow when the batch is written. */
  drain(batch: StoreWrite[]): void {
    assert(this.#flushingRows.length === 0, 'a batch of this store is still being written')
    const { prefix } = this.#options
    for (const row of this.#pendingRows) {
      this.#flags[row] = (this.#flags[row]! & ~pending) | flushing
      const key = Buffer.concat([prefix, this.#table.key(row)])
      const bytes = this.#committedBytes
      const value = bytes.end(row) < 0 ? null : bytes.buffer(row).subarray(bytes.start(row), bytes.end(row))
      batch.push({ key, value: value === null ? null : sealed(key, value) })
    }
    this.#flushingRows = this.#pendingRows
    this.#pendingRows = []
    this.pendingBytes = 0
  }

  drained(): void {
    for (const row of this.#flushingRows) {
      const flags = this.#flags[row]! & ~flushing
      this.#flags[row] = flags
      if ((flags & pending) !== 0) continue
      this.#committedBytes.clear(row)
      if (this.#options.keepsClean === false && (flags & pinned) === 0) this.#remove(row)
    }
    this.#flushingRows = []
  }

  /**
   * Forgets entries that were not used lately (the clock algorithm) until `budgetBytes` are left, or only pinned ones.
   */
  evict(budgetBytes: number): void {
    // Bounded: this is called between turns, and much may be pinned.
    let steps = Math.min(this.#table.rowsEnd * 2, Math.max(evictionSteps, this.#table.rowsEnd >>> 2))
    while (this.bytes > budgetBytes && steps-- > 0) {
      if (this.#hand >= this.#table.rowsEnd) this.#hand = 0
      const row = this.#hand++
      if (!this.#table.isUsed(row)) continue
      const flags = this.#flags[row]!
      if ((flags & pinned) !== 0) continue
      if ((flags & used) !== 0) this.#flags[row] = flags & ~used
      else this.#remove(row)
    }
  }

  #remove(row: number): void {
    this.#table.remove(row)
    this.#values[row] = undefined
    this.#flags[row] = 0
    this.bytes -= this.#sizes[row]!
    this.#sizes[row] = 0
  }
}
