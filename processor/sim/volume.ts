import { Buffer } from 'node:buffer'
import { AppError } from '../errors.ts'
import type { Store, Stores, StoreWrite } from '../state-port.ts'
import { metaKey, readMeta } from '../state/meta.ts'
import { MemoryStore } from '../state/memory.ts'
import type { Draws } from './draws.ts'
import { type Machine, never } from './machine.ts'

interface Pending {
  readonly batch: readonly StoreWrite[]
}

/** The store of one task on a disk: what is written stays, what is under way when its process dies may or may not. */
export class Folder {
  readonly content = new MemoryStore()
  holder: Machine | null = null
  readonly pending: Pending[] = []
  /** By store: checkpoints must not go back (invariant I9). */
  readonly #nextOffsets = new Map<string, number>()
  readonly #entries = new Map<string, Buffer>()

  /** What is stored, by key as latin1. */
  get entries(): ReadonlyMap<string, Buffer> {
    return this.#entries
  }

  apply(batch: readonly StoreWrite[], violated: (what: string) => void): void {
    void this.content.write(batch)
    for (const { key, value } of batch) {
      const name = key.toString('latin1')
      if (value === null) this.#entries.delete(name)
      else this.#entries.set(name, Buffer.from(value))
      if (value !== null && key.equals(metaKey)) this.#check(value, violated)
    }
  }

  #check(meta: Buffer, violated: (what: string) => void): void {
    const { task, stores = [] } = readMeta(meta) ?? { task: '?' }
    for (const { name, nextOffset } of stores) {
      const before = this.#nextOffsets.get(name) ?? 0
      if (nextOffset < before) violated(`I9: task ${task} set '${name}' back from offset ${before} to ${nextOffset}`)
      this.#nextOffsets.set(name, nextOffset)
    }
  }
}

export interface VolumeOptions {
  readonly draws: Draws
  readonly writeMs: () => readonly [least: number, most: number]
  /** Told of a broken invariant. */
  readonly violated: (what: string) => void
  readonly traced: (machine: Machine, what: string) => void
}

/** A disk: the state folder of one replica, which outlives its processes. */
export class Volume {
  readonly folders = new Map<string, Folder>()
  readonly #options: VolumeOptions

  constructor(options: VolumeOptions) {
    this.#options = options
  }

  /** Somebody deletes the state folder while nothing runs. */
  wipe(): void {
    this.folders.clear()
  }

  storesFor(machine: Machine): Stores {
    machine.onDeath(() => this.#died(machine))
    return {
      open: task => {
        if (!machine.crossing('store open')) return never()
        return this.#later(machine, () => this.#open(machine, task))
      },
      tasks: () => (machine.crossing('store list') ? this.#later(machine, () => [...this.folders.keys()]) : never()),
      destroy: task => {
        if (!machine.crossing('store destroy')) return never()
        this.#options.traced(machine, `wipes its store of task ${task}`)
        return this.#later(machine, () => void this.folders.delete(task))
      },
    }
  }

  #open(machine: Machine, task: string): { store: Store; created: boolean } {
    const known = this.folders.get(task)
    const folder = known ?? new Folder()
    if (folder.holder !== null) throw new AppError('STATE_IN_USE', `The store of task ${task} is open. Close it first.`)
    folder.holder = machine
    this.folders.set(task, folder)
    this.#options.traced(machine, `opens its store of task ${task}`)
    return { store: this.#storeOf(folder, machine, task), created: known === undefined }
  }

  /** Of the batches under way the first few are there. */
  #died(machine: Machine): void {
    for (const folder of this.folders.values()) {
      if (folder.holder !== machine) continue
      folder.holder = null
      const done = this.#options.draws.whole(0, folder.pending.length)
      for (const { batch } of folder.pending.splice(0).slice(0, done)) folder.apply(batch, this.#options.violated)
    }
  }

  #storeOf(folder: Folder, machine: Machine, task: string): Store {
    const { violated } = this.#options
    return {
      get: key => folder.content.get(key),
      getMany: keys =>
        machine.crossing('store read') ? this.#later(machine, () => keys.map(key => folder.content.get(key))) : never(),
      write: batch => {
        if (!machine.crossing('store write')) return never()
        const pending = { batch: batch.map(({ key, value }) => ({ key, value })) }
        folder.pending.push(pending)
        return this.#later(machine, () => {
          const index = folder.pending.indexOf(pending)
          for (const each of folder.pending.splice(0, index + 1)) folder.apply(each.batch, violated)
          machine.crossing('store written')
        })
      },
      range: (from, to) => folder.content.range(from, to),
      close: () => {
        if (!machine.crossing('store close')) return never()
        return this.#later(machine, () => {
          folder.holder = null
          this.#options.traced(machine, `closes its store of task ${task}`)
        })
      },
    }
  }

  #later<T>(machine: Machine, act: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      machine.after(this.#options.draws.between(...this.#options.writeMs()), () => {
        try {
          const result = act()
          if (!machine.isDead) resolve(result)
        } catch (error) {
          reject(error as Error)
        }
      })
    })
  }
}
