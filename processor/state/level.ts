import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { Buffer } from 'node:buffer'
import { join } from 'node:path'
import { Level } from 'level'
import { AppError } from '../errors.ts'
import type { Store, Stores, StoreWrite } from '../state-port.ts'
import { moveIfDeadly, Unclosed } from './unclosed.ts'

/** A folder for the state of one process, which holds it exclusively: it has one folder for each task. */
export interface StateFolder {
  readonly folder: string
  /** Its name under the root. */
  readonly instance: string
  /** Gives it up. */
  release(): Promise<void>
}

/** Tasks' stores as LevelDB folders in a folder that this process holds. */
export interface LevelStores extends Stores, StateFolder {}

/**
 * Which worker of the process has the store of a task. A worker that was cut off from its group may not know yet that
 * the task is another's now.
 */
export interface Claims {
  /** False: another worker has it. */
  take(task: string): Promise<boolean>
  free(task: string): void
}

type Database = Level<Buffer, Buffer>

// Bytes for keys and values. Values are compressed by nobody: they are small, and CPU is what we are short of. `sync`
// stays off: the changelog repairs a lost tail.
const encodings = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const
// There is one database for each task, and entries are cached above it, so each one's own caches are kept small.
const options = { ...encodings, compression: false, writeBufferSize: 2 << 20, cacheSize: 256 << 10 } as const

/**
 * Opens `<root>/<instance>`. Without an instance name: the first of `instance-0`, `instance-1`, ... that no other
 * process
 * holds, so that a restart finds its own state. Rejects with STATE_IN_USE when the named one is held, and with
 * STATE_UNREADABLE when the folder cannot be written.
 */
export async function holdStateFolder(root: string, instance?: string): Promise<StateFolder> {
  for (let slot = 0; ; slot++) {
    const name = instance ?? `instance-${slot}`
    const folder = join(root, name)
    const lock = await hold(folder)
    if (lock !== null) return { folder, instance: name, release: () => lock.close() }
    if (instance !== undefined) {
      throw new AppError(
        'STATE_IN_USE',
        `The state folder ${folder} is in use by another process. Stop it, or choose another --instance or --state.`,
      )
    }
  }
}

/** The state folder of this process (`holdStateFolder`), with the stores of its tasks. */
export async function levelStores(root: string, instance?: string): Promise<LevelStores> {
  const held = await holdStateFolder(root, instance)
  const stores = taskStores(held.folder)
  return {
    ...held,
    ...stores,
    async release() {
      await stores.close()
      await held.release()
    },
  }
}

/**
 * A tiny database is the lock: LevelDB's file lock ends with the process, however it ends. Null: held by another
 * process.
 */
async function hold(folder: string): Promise<Database | null> {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (cause) {
    throw new AppError('STATE_UNREADABLE', `The state folder ${folder} cannot be made. Choose another with --state.`, {
      cause,
    })
  }
  const lock = new Level<Buffer, Buffer>(join(folder, 'lock'), options)
  try {
    await lock.open()
    return lock
  } catch (cause) {
    if (isLocked(cause)) return null
    throw new AppError(
      'STATE_UNREADABLE',
      `The state folder ${folder} cannot be written. Choose another with --state.`,
      { cause },
    )
  }
}

function isLocked(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && at.code === 'LEVEL_LOCKED') return true
  }
  return false
}

/** There is one worker: it closes what it has before it opens it again. */
const alone: Claims = { take: () => Promise.resolve(true), free: () => undefined }

/** The stores of tasks in a folder that this process holds. `close` closes those that are open. */
export function taskStores(folder: string, claims: Claims = alone): Stores & { close(): Promise<void> } {
  const open = new Map<string, LevelStore>()
  return {
    async open(task) {
      if (!(await claims.take(task))) {
        throw new AppError('STATE_BUSY', `The store of task ${task} is still open in another thread of this process.`)
      }
      const path = join(folder, task)
      const unclosed = new Unclosed(path)
      let before: number | null = null
      try {
        const aside = await moveIfDeadly(path, { url: import.meta.url, name: readAll.name })
        const created = !existsSync(path)
        before = unclosed.count
        unclosed.count = before + 1
        const store = await openLevel(path, created, () => {
          unclosed.count = 0
          claims.free(task)
        })
        open.set(task, store)
        return aside === null ? { store, created } : { store, created, aside }
      } catch (error) {
        // The process lives: a store that is merely in use, or refuses to open, is none that kills.
        if (before !== null) unclosed.count = before
        if (open.get(task)?.isOpen !== true) claims.free(task)
        throw error
      }
    },
    async destroy(task) {
      await open.get(task)?.close()
      open.delete(task)
      // Whoever has it by now has seen for itself what it is worth.
      if (!(await claims.take(task))) return
      rmSync(join(folder, task), { recursive: true, force: true })
      new Unclosed(join(folder, task)).count = 0
      claims.free(task)
    },
    tasks() {
      const folders = readdirSync(folder, { withFileTypes: true }).filter(entry => entry.isDirectory())
      return Promise.resolve(folders.map(({ name }) => name).filter(name => /^\d+_\d+$/.test(name)))
    },
    async close() {
      for (const store of open.values()) await store.close()
    },
  }
}

/** LevelDB would open an empty database where its CURRENT file is gone: only a folder made just now may be created. */
export async function openLevel(path: string, created: boolean, onClosed = (): void => undefined): Promise<LevelStore> {
  const database = new Level<Buffer, Buffer>(path, { ...options, createIfMissing: created })
  try {
    await database.open()
  } catch (cause) {
    const code = isLocked(cause) ? 'STATE_IN_USE' : 'STATE_CORRUPT'
    throw new AppError(code, `The store ${path} does not open.`, { cause })
  }
  return new LevelStore(database, path, onClosed)
}

/** Reads all of a store, by iterating and by key. In a process of its own: it may end it. */
export async function readAll(path: string): Promise<void> {
  const store = await openLevel(path, false)
  for await (const [key] of store.range(Buffer.alloc(0), Buffer.alloc(64, 255))) store.get(key)
}

/**
 * Names the store in what LevelDB throws, and says whether it is the store's content or only the disk that is wrong.
 */
function failure(path: string, doing: 'read' | 'written', cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const isContent = code === 'LEVEL_CORRUPTION' || code === 'LEVEL_IO_ERROR' || code === undefined
  if (!isContent) return cause
  // A read that fails finds files cut or gone (getSync gives it no code): they are restored. A write that fails (a full
  // disk) would fail again.
  if (doing === 'read' || code === 'LEVEL_CORRUPTION') {
    return new AppError('STATE_CORRUPT', `The store ${path} is damaged.`, { cause })
  }
  return new AppError('STATE_UNREADABLE', `The store ${path} cannot be ${doing}. Look at its disk.`, { cause })
}

export class LevelStore implements Store {
  readonly #database: Database
  readonly #path: string
  readonly #onClosed: () => void
  #isOpen = true

  constructor(database: Database, path: string, onClosed: () => void) {
    this.#database = database
    this.#path = path
    this.#onClosed = onClosed
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  get(key: Buffer): Buffer | undefined {
    try {
      return this.#database.getSync(key)
    } catch (error) {
      throw failure(this.#path, 'read', error)
    }
  }

  async getMany(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
    try {
      return await this.#database.getMany([...keys])
    } catch (error) {
      throw failure(this.#path, 'read', error)
    }
  }

  async write(batch: readonly StoreWrite[]): Promise<void> {
    const chained = this.#database.batch()
    for (const { key, value } of batch) {
      if (value === null) chained.del(key)
      else chained.put(key, value)
    }
    try {
      await chained.write()
    } catch (error) {
      throw failure(this.#path, 'written', error)
    }
  }

  // LevelDB aborts the process when a thread ends in the middle of this: threads may be ended, so tasks do without.
  async *range(from: Buffer, to: Buffer): AsyncIterable<readonly [Buffer, Buffer]> {
    const iterator = this.#database.iterator({ gte: from, lt: to })
    try {
      for (;;) {
        const entries = await iterator.nextv(1000)
        if (entries.length === 0) return
        yield* entries
      }
    } catch (error) {
      throw failure(this.#path, 'read', error)
    } finally {
      await iterator.close()
    }
  }

  async close(): Promise<void> {
    await this.#database.close()
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#onClosed()
  }
}
