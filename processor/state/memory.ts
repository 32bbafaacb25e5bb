import { Buffer } from 'node:buffer'
import { AppError, assert } from '../errors.ts'
import type { Store, Stores, StoreWrite } from '../state-port.ts'

/** A store in memory, for tests and for runs whose state need not survive the process. */
export class MemoryStore implements Store {
  readonly #entries = new Map<string, Buffer>()

  get(key: Buffer): Buffer | undefined {
    const value = this.#entries.get(key.toString('latin1'))
    return value === undefined ? undefined : Buffer.from(value)
  }

  getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    return Promise.resolve(keys.map(key => this.get(key)))
  }

  write(batch: readonly StoreWrite[]): Promise<void> {
    this.writeNow(batch)
    return Promise.resolve()
  }

  writeNow(batch: readonly StoreWrite[]): void {
    for (const { key, value } of batch) {
      if (value === null) this.#entries.delete(key.toString('latin1'))
      else this.#entries.set(key.toString('latin1'), Buffer.from(value))
    }
  }

  async *range(from: Buffer, to: Buffer): AsyncIterable<readonly [Buffer, Buffer]> {
    const low = from.toString('latin1')
    const high = to.toString('latin1')
    const keys = [...this.#entries.keys()].filter(key => key >= low && key < high).toSorted()
    for (const key of keys) {
      const value = this.#entries.get(key)
      if (value !== undefined) yield [Buffer.from(key, 'latin1'), Buffer.from(value)]
    }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/** Keeps the stores of tasks as long as this object lives: a restart in the same process finds them. */
export function memoryStores(): Stores {
  const tasks = new Map<string, MemoryStore>()
  const open = new Set<string>()
  return {
    open(task) {
      if (open.has(task)) {
        return Promise.reject(new AppError('STATE_IN_USE', `The store of task ${task} is open. Close it first.`))
      }
      const known = tasks.get(task)
      const store = known ?? new MemoryStore()
      tasks.set(task, store)
      open.add(task)
      return Promise.resolve({ store: new OpenStore(store, () => open.delete(task)), created: known === undefined })
    },
    tasks: () => Promise.resolve([...tasks.keys()]),
    destroy(task) {
      tasks.delete(task)
      open.delete(task)
      return Promise.resolve()
    },
  }
}

/** One opening of a store: ends with `close`, as on disk. */
class OpenStore implements Store {
  readonly #store: MemoryStore
  readonly #onClose: () => void
  #isClosed = false

  constructor(store: MemoryStore, onClose: () => void) {
    this.#store = store
    this.#onClose = onClose
  }

  #use(): MemoryStore {
    assert(!this.#isClosed, 'the store is closed')
    return this.#store
  }

  get(key: Buffer): Buffer | undefined {
    return this.#use().get(key)
  }

  async getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    return this.#use().getMany(keys)
  }

  async write(batch: readonly StoreWrite[]): Promise<void> {
    await this.#use().write(batch)
  }

  async *range(from: Buffer, to: Buffer): AsyncIterable<readonly [Buffer, Buffer]> {
    yield* this.#use().range(from, to)
  }

  close(): Promise<void> {
    if (!this.#isClosed) this.#onClose()
    this.#isClosed = true
    return Promise.resolve()
  }
}
