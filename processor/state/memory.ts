import { Buffer } from 'node:buffer'
import type { Store, Stores, StoreWrite } from '../ports.ts'

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
    for (const { key, value } of batch) {
      if (value === null) this.#entries.delete(key.toString('latin1'))
      else this.#entries.set(key.toString('latin1'), Buffer.from(value))
    }
    return Promise.resolve()
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
  return {
    open(task) {
      const known = tasks.get(task)
      const store = known ?? new MemoryStore()
      tasks.set(task, store)
      return Promise.resolve({ store, created: known === undefined })
    },
    destroy(task) {
      tasks.delete(task)
      return Promise.resolve()
    },
  }
}
