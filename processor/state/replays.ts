import { bufferPool } from '../../schemas/buffer-pool.ts'
import type { Buffer } from 'node:buffer'
import { AppError } from '../errors.ts'
import type { RecordColumns } from '../ports.ts'
import type { Store, StoreWrite } from '../state-port.ts'
import { checksumBytes, seal } from './checksum.ts'
import type { StoreDefinition } from './identity.ts'
import { isKind } from './kinds.ts'

/** A batch is closed and another one begun beyond this. */
const batchBytes = 128 << 10

/** Some changelog records of one store. */
export interface ReplayRows {
  readonly records: RecordColumns
  /** Rows `[from, to)`. */
  readonly from: number
  readonly to: number
}

/** What is to be written in one batch, and to be called when it is on disk. */
export interface Drained {
  readonly batch: StoreWrite[]
  readonly written: () => void
}

/** Changelog records on their way to the disk as they are: nothing is decoded. */
export class Replays {
  readonly #store: Store
  readonly #seal: (batch: StoreWrite[], nowMs: number) => () => void
  /** Of the next batch. */
  #writes: StoreWrite[] = []
  #buffers: Buffer[] = []
  #bytes = 0
  #isEmpty = true
  /** Those that are being written, one after the other; one that failed stays, and so do those after it. */
  readonly #batches: Promise<void>[] = []

  /** `seal` adds to a batch what it says of itself. */
  constructor(store: Store, seal: (batch: StoreWrite[], nowMs: number) => () => void) {
    this.#store = store
    this.#seal = seal
  }

  /** Nothing waits to be written. */
  get isEmpty(): boolean {
    return this.#isEmpty
  }

  /** What waits makes a whole batch. */
  get isFull(): boolean {
    return this.#bytes >= batchBytes
  }

  /** Takes records of a store that has this number on disk. */
  add(store: Pick<StoreDefinition, 'name' | 'hasKinds'>, number: number, { records, from, to }: ReplayRows): void {
    const { keyStart, keyEnd, valueStart, valueEnd } = records
    let size = 0
    for (let row = from; row < to; row++)
      size += 1 + checksumBytes + keyEnd[row]! - keyStart[row]! + valueEnd[row]! - valueStart[row]!
    const bytes = bufferPool.take(size)
    this.#isEmpty = false
    this.#buffers.push(bytes)
    this.#bytes += size
    let at = 0
    for (let row = from; row < to; row++) {
      if (keyStart[row]! < 0)
        throw new AppError('STATE_CORRUPT', `A record without a key in the changelog of '${store.name}'.`)
      const source = records.buffers[records.buffer[row]!]!
      if (store.hasKinds && (keyStart[row] === keyEnd[row] || !isKind(source[keyStart[row]!])))
        throw otherKind(store.name)
      bytes[at] = number
      const keyAt = at
      at += 1 + source.copy(bytes, at + 1, keyStart[row]!, keyEnd[row]!)
      const key = bytes.subarray(keyAt, at)
      if (valueStart[row]! < 0) {
        this.#writes.push({ key, value: null })
        continue
      }
      const valueAt = at
      at += checksumBytes + source.copy(bytes, at + checksumBytes, valueStart[row]!, valueEnd[row]!)
      const value = bytes.subarray(valueAt, at)
      seal(key, value)
      this.#writes.push({ key, value })
    }
  }

  /** Writes what waits in one batch, after those before it. A batch that fails is the last one. */
  flush(nowMs: number): Promise<void> {
    const drained = this.drain(nowMs)
    const last = this.#batches.at(-1) ?? Promise.resolve()
    if (drained === null) return last
    const write = (): Promise<void> => this.#store.write(drained.batch)
    const written = last.then(write).then(() => {
      drained.written()
      void this.#batches.shift()
    })
    // Whoever awaits it sees the failure, and so does whoever awaits a later one.
    written.catch(() => undefined)
    this.#batches.push(written)
    return written
  }

  /** The batch of that, null when nothing waits. */
  drain(nowMs: number): Drained | null {
    if (this.#isEmpty) return null
    const batch = this.#writes
    const buffers = this.#buffers
    this.#writes = []
    this.#buffers = []
    this.#bytes = 0
    this.#isEmpty = true
    const sealed = this.#seal(batch, nowMs)
    const written = (): void => {
      for (const bytes of buffers) bufferPool.give(bytes)
      sealed()
    }
    return { batch, written }
  }

  /** Resolves when fewer than `most` batches wait for the disk. */
  async room(most: number): Promise<void> {
    while (this.#batches.length >= most) await this.#batches[0]
  }

  /** Resolves when none does, whatever came of them. */
  async settled(): Promise<void> {
    await this.#batches.at(-1)?.catch(() => undefined)
  }
}

/** Read all the same it would become state that nobody wrote. */
const otherKind = (name: string): AppError =>
  new AppError(
    'TOPOLOGY',
    `The changelog of '${name}' holds keys of another kind of store: an older version of the application wrote them. ` +
      'Run that version, or give the store or the application another name to begin with empty state.',
  )
