import type { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'
import { bufferPool } from '../../schemas/buffer-pool.ts'
import { assert } from '../errors.ts'
import type { PartitionBuffer } from '../ports.ts'
import type { Store, StoreWrite } from '../state-port.ts'
import { DiskRows } from './disk-rows.ts'
import { KeyTable } from './key-table.ts'
import { longerBytes } from './longer.ts'
import { RowBytes } from './row-bytes.ts'
import { cool, dirty, flushing, frozen, pending, pinned, used } from './row-flags.ts'
import { rowBytes, RowSizes } from './row-sizes.ts'
import { RowValues } from './row-values.ts'

/** Rows looked at in one call, at least; a quarter of all when there are many. */
const evictionSteps = 4096

/** What a change that waits for the disk costs beside its bytes: deletions, which have none, must not wait for ever. */
const pendingOverheadBytes = 32

/** Shared by all caches: what a transaction changed is encoded, then copied. */
const frozenWriter = new ByteWriter(65_536)

export interface CachedStoreOptions<T> {
  readonly store: Store
  /** In front of every key on disk. */
  readonly prefix: Buffer
  /** In front of every key in the changelog: the end of `prefix`, without the store's number. */
  readonly changelogPrefix: Buffer
  readonly codec: Pick<Serde<T>, 'read' | 'write'>
  /** False: values are held as bytes, and only until they are on disk. For what is kept elsewhere. Default true. */
  readonly keepsClean?: boolean
}

/**
 * Entries of one kind, in front of a store on disk: decoded, or as bytes when they were not used lately. Reads and
 * writes are synchronous; a miss is one point read. Changes follow the transaction: `freeze` at its end, then
 * `committed` or `rollback`; committed changes reach the disk with the next batch (`drain`, `drained`).
 */
export class CachedStore<T> {
  readonly #options: CachedStoreOptions<T>
  readonly #table = new KeyTable()
  readonly #values: RowValues<T>
  readonly #disk: DiskRows
  #flags = new Uint8Array(64)
  readonly #sizes = new RowSizes()
  readonly #frozenBytes = new RowBytes()
  readonly #committedBytes = new RowBytes()
  #dirtyRows: number[] = []
  #frozenRows: number[] = []
  #pendingRows: number[] = []
  #flushingRows: number[] = []
  /** Holds the batch under way. */
  #drained: Buffer | null = null
  #hand = 0
  pendingBytes = 0
  /** Point reads of the disk: misses of this cache. */
  reads = 0
  hits = 0

  constructor(options: CachedStoreOptions<T>) {
    this.#options = options
    this.#values = new RowValues(options.codec)
    this.#disk = new DiskRows(options.store, options.prefix, options.changelogPrefix.length)
  }

  /** The row of the key, read from disk when it is not here. Valid until the next `evict`, that is between records. */
  row(bytes: Buffer, start: number, end: number): number {
    const row = this.#table.find(bytes, start, end)
    if (row < 0) return this.#load(bytes, start, end)
    this.hits++
    if ((this.#flags[row]! & cool) !== 0) this.#warm(row)
    this.#flags[row]! |= used
    return row
  }

  /** The row of a key that is about to be set whatever it holds: nothing is read. */
  rowToWrite(bytes: Buffer, start: number, end: number): number {
    const row = this.#table.find(bytes, start, end)
    if (row < 0) return this.#add(bytes, start, end)
    if ((this.#flags[row]! & cool) !== 0) this.#forgetCool(row)
    return row
  }

  /** The value of a key, which is not kept here for having been read. */
  peek(bytes: Buffer, start: number, end: number): T | undefined {
    const row = this.#table.find(bytes, start, end)
    if (row < 0) {
      this.reads++
      return this.#values.decodeStored(this.#disk.get(bytes, start, end))
    }
    this.hits++
    return (this.#flags[row]! & cool) === 0 ? this.#values.get(row) : this.#decodeCool(row)
  }

  get(row: number): T | undefined {
    return this.#values.get(row)
  }

  /** Sets or, with undefined, deletes. The same object again says that it was changed in place. */
  set(row: number, value: T | undefined): void {
    this.#values.set(row, value)
    const flags = this.#flags[row]!
    if ((flags & dirty) === 0) {
      this.#flags[row] = flags | dirty | used
      this.#dirtyRows.push(row)
    }
  }

  /** Memory that is held, roughly. */
  get bytes(): number {
    return this.#sizes.sum
  }

  get dirtyCount(): number {
    return this.#dirtyRows.length
  }

  get length(): number {
    return this.#table.length
  }

  #load(bytes: Buffer, start: number, end: number): number {
    const stored = this.#disk.get(bytes, start, end)
    this.reads++
    const row = this.#add(bytes, start, end)
    this.#values.set(row, this.#values.decodeStored(stored))
    this.#setSize(row, end - start, stored?.length ?? 0)
    return row
  }

  #add(bytes: Buffer, start: number, end: number): number {
    const row = this.#table.add(bytes, start, end)
    if (row >= this.#flags.length) this.#flags = longerBytes(this.#flags, row + 1)
    this.#flags[row] = used
    this.#values.set(row, undefined)
    this.#setSize(row, end - start, 0)
    return row
  }

  #setSize(row: number, keyBytes: number, valueBytes: number): void {
    this.#sizes.set(row, rowBytes((this.#flags[row]! & cool) !== 0, keyBytes, valueBytes))
  }

  /**
   * Ends the transaction's changes: writes one changelog record for each changed key (null where it was deleted), whose
   * bytes become the committed ones when `committed` is called. Returns how many.
   */
  freeze(changelog: PartitionBuffer, timestamp: number): number {
    assert(this.#frozenRows.length === 0, 'a transaction of this store is still being committed')
    const rows = this.#dirtyRows
    const writer = frozenWriter
    writer.reset()
    const { keepsClean = true } = this.#options
    for (const row of rows) {
      const start = writer.length
      this.#frozenBytes.set(row, start, this.#values.encode(row, writer) ? writer.length : -1)
      this.#flags[row] = (this.#flags[row]! & ~dirty) | frozen | (keepsClean ? 0 : cool)
      if (!keepsClean) this.#values.set(row, undefined)
      this.#setSize(row, this.#table.keySize(row), writer.length - start)
    }
    this.#frozenBytes.share(rows, writer.bytes, writer.length)
    this.#disk.log(rows, this.#table, this.#frozenBytes, changelog, timestamp)
    this.#frozenRows = rows
    this.#dirtyRows = []
    return rows.length
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
    for (const row of [...this.#frozenRows, ...this.#dirtyRows]) this.#revert(row)
    this.#frozenRows = []
    this.#dirtyRows = []
  }

  #revert(row: number): void {
    const flags = this.#flags[row]! & ~(dirty | frozen)
    this.#flags[row] = flags
    this.#frozenBytes.clear(row)
    if (!this.#table.isUsed(row)) return
    if ((flags & pinned) === 0) this.#remove(row)
    else {
      this.#values.set(row, this.#values.decodeFrom(this.#committedBytes, row))
      this.#flags[row] = flags & ~cool
    }
  }

  /** Adds what waits for the disk to `batch`; `drained` follows when it is written. */
  drain(batch: StoreWrite[]): void {
    assert(this.#flushingRows.length === 0, 'a batch of this store is still being written')
    if (this.#pendingRows.length === 0) return
    for (const row of this.#pendingRows) this.#flags[row] = (this.#flags[row]! & ~pending) | flushing
    this.#drained = this.#disk.drain(this.#pendingRows, this.#table, this.#committedBytes, batch)
    this.#flushingRows = this.#pendingRows
    this.#pendingRows = []
    this.pendingBytes = 0
  }

  drained(): void {
    if (this.#drained !== null) bufferPool.give(this.#drained)
    this.#drained = null
    for (const row of this.#flushingRows) {
      const flags = this.#flags[row]! & ~flushing
      this.#flags[row] = flags
      if ((flags & pending) !== 0) continue
      const isClean = (flags & pinned) === 0
      if (isClean && this.#options.keepsClean === false) this.#remove(row)
      else if (isClean && (flags & cool) !== 0 && !this.#values.keep(row, this.#committedBytes))
        this.#flags[row] = flags & ~cool
      this.#committedBytes.clear(row)
    }
    this.#flushingRows = []
  }

  /**
   * Turns decoded entries into bytes, and forgets those not used for longer (the clock algorithm), until `budgetBytes`
   * are left, or only pinned ones.
   */
  evict(budgetBytes: number): void {
    // Bounded: this is called between turns, and much may be pinned.
    let steps = Math.min(this.#table.rowsEnd * 3, Math.max(evictionSteps, this.#table.rowsEnd >>> 2))
    while (this.bytes > budgetBytes && steps-- > 0) {
      if (this.#hand >= this.#table.rowsEnd) this.#hand = 0
      const row = this.#hand++
      if (!this.#table.isUsed(row)) continue
      const flags = this.#flags[row]!
      if ((flags & (dirty | frozen)) !== 0) continue
      const isDecoded = (flags & cool) === 0 && this.#values.get(row) !== undefined
      if (isDecoded) this.#coolDown(row)
      else if ((flags & used) !== 0) this.#flags[row] = flags & ~used
      else if ((flags & pinned) === 0) this.#remove(row)
    }
    this.#values.tidy()
  }

  /** A row that waits for the disk has its bytes already. */
  #coolDown(row: number): void {
    const waiting = this.#waitingBytes(row)
    const size = waiting === null ? this.#values.coolDown(row) : waiting.size(row)
    if (waiting !== null) this.#values.set(row, undefined)
    this.#flags[row]! |= cool
    this.#setSize(row, this.#table.keySize(row), size)
  }

  #warm(row: number): void {
    const waiting = this.#waitingBytes(row)
    const size = waiting === null ? this.#values.coolBytes(row) : waiting.size(row)
    this.#values.set(row, this.#decodeCool(row))
    this.#forgetCool(row)
    this.#setSize(row, this.#table.keySize(row), size)
  }

  #decodeCool(row: number): T | undefined {
    const waiting = this.#waitingBytes(row)
    return waiting === null ? this.#values.decode(row) : this.#values.decodeFrom(waiting, row)
  }

  /** Where the bytes are of a row that waits for the commit or for the disk; null: it is clean. */
  #waitingBytes(row: number): RowBytes | null {
    const flags = this.#flags[row]!
    if ((flags & frozen) !== 0) return this.#frozenBytes
    return (flags & pinned) === 0 ? null : this.#committedBytes
  }

  /** The value of a cool row is about to be replaced. */
  #forgetCool(row: number): void {
    if ((this.#flags[row]! & pinned) === 0) this.#values.freeCool(row)
    this.#flags[row]! &= ~cool
  }

  #remove(row: number): void {
    if ((this.#flags[row]! & cool) !== 0) this.#forgetCool(row)
    this.#table.remove(row)
    this.#values.set(row, undefined)
    this.#flags[row] = 0
    this.#sizes.set(row, 0)
  }
}
