import type { Buffer } from 'node:buffer'

// State on disk, as the engine needs it.

/** One write: a value of null deletes. Its bytes are good until the write is done, and then written over. */
export interface StoreWrite {
  readonly key: Buffer
  readonly value: Buffer | null
}

/** An ordered map of bytes on disk (or in memory), one for each task. Keys are ordered by unsigned bytes. */
export interface Store {
  /** Synchronous point read: the hot path's only one. */
  get(key: Buffer): Buffer | undefined
  getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]>
  /** All writes of a batch appear together or not at all. */
  write(batch: readonly StoreWrite[]): Promise<void>
  /** Entries with `from <= key < to` in key order. */
  range(from: Buffer, to: Buffer): AsyncIterable<readonly [Buffer, Buffer]>
  close(): Promise<void>
}

export interface OpenedStore {
  readonly store: Store
  /** It is empty, and was made just now. */
  readonly created: boolean
  /** Where the former store was moved: it ended one process after the other. */
  readonly aside?: string
}

/** Opens, and throws away, the stores of tasks. */
export interface Stores {
  /**
   * Rejects with STATE_BUSY while another worker of this process still has it open, with STATE_IN_USE when somebody
   * else has, and with STATE_CORRUPT when it has to be destroyed.
   */
  open(task: string): Promise<OpenedStore>
  destroy(task: string): Promise<void>
  /** Tasks that have a store here, open or not. Without it a process does not know at its start what it has. */
  tasks?(): Promise<readonly string[]>
}
