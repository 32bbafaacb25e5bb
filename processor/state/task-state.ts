import { Buffer } from 'node:buffer'
import type { Serde } from '../../schemas/serde.ts'
import { assert } from '../errors.ts'
import type { PartitionBuffer, PartitionOffset } from '../ports.ts'
import type { Store, StoreWrite } from '../state-port.ts'
import { batchMark, hasBatches } from './batch-marks.ts'
import { CachedStore } from './cached.ts'
import { mismatch, type StoreDefinition, type TaskIdentity, type Unusable } from './identity.ts'
import { metaKey, readMeta, storeFormat, type StoreMark, type StoreMeta, writeMeta } from './meta.ts'
import { type Drained, type ReplayRows, Replays } from './replays.ts'

/** Something that holds decoded state beside the stores' own entries, within the same budget. */
export interface Evictable {
  readonly bytes: number
  evict(budgetBytes: number): void
}

/**
 * All state of one task: its stores share one database on disk, so that one batch carries the changes of all of them
 * together with the offsets they belong to. What is not committed never reaches the disk.
 */
export class TaskState {
  /** Changelog records on their way to the disk, before the state is used. */
  readonly replays: Replays
  readonly #store: Store
  readonly #identity: TaskIdentity
  readonly #definitions: readonly StoreDefinition[]
  readonly #nextOffsets = new Map<string, number>()
  readonly #caches: CachedStore<any>[] = []
  readonly #cachesByStore = new Map<string, CachedStore<any>[]>()
  readonly #beforeFreeze: (() => void)[] = []
  readonly #evictables: Evictable[] = []
  /** As of the last batch that reached the disk. */
  #storedOffsets: ReadonlyMap<string, number> = new Map()
  #sources: readonly PartitionOffset[] = []
  #flushing: Promise<void> | null = null
  #lastFlushMs = 0
  #changed = false
  /** The number of the last batch that was made. */
  #batch = 0

  private constructor(store: Store, identity: TaskIdentity, definitions: readonly StoreDefinition[]) {
    this.#store = store
    this.replays = new Replays(store, (batch, nowMs) => this.#seal(batch, nowMs))
    this.#identity = identity
    this.#definitions = definitions
    assert(definitions.length < 255, 'a task has at most 254 stores')
  }

  /**
   * The state in `store`; or, when it is of another application, task, format or changelog, or damaged, the reason why
   * it
   * has to be thrown away. An empty store that was made just now is fine.
   */
  static open(
    store: Store,
    created: boolean,
    identity: TaskIdentity,
    definitions: readonly StoreDefinition[],
  ): TaskState | Unusable {
    const state = new TaskState(store, identity, definitions)
    const stored = store.get(metaKey)
    if (stored === undefined) return created ? state : 'it has no meta record'
    const meta = readMeta(stored)
    if (meta === null) return 'its meta record is damaged'
    const reason = mismatch(meta, identity, definitions)
    if (reason !== null) return reason
    if (!hasBatches(store, meta.batch)) return 'a batch of it is lost'
    state.#batch = meta.batch
    for (const mark of meta.stores) state.#nextOffsets.set(mark.name, mark.nextOffset)
    state.#storedOffsets = new Map(state.#nextOffsets)
    state.#sources = meta.sources
    state.#lastFlushMs = meta.writtenMs
    return state
  }

  /** Writes down whose a store is that was made just now: one that says nothing has lost what it held. */
  async begin(nowMs: number): Promise<void> {
    const batch: StoreWrite[] = []
    this.#seal(batch, nowMs)
    await this.#store.write(batch)
    this.#lastFlushMs = nowMs
  }

  /** Wall clock of the last batch, 0 for none. */
  get writtenMs(): number {
    return this.#lastFlushMs
  }

  /** The first changelog offset that is not applied; 0 for an empty store. */
  nextOffset(storeName: string): number {
    return this.#nextOffsets.get(storeName) ?? 0
  }

  /** Changelog records below this offset are on disk: in this process they are not needed again. */
  storedOffset(storeName: string): number {
    return this.#storedOffsets.get(storeName) ?? 0
  }

  /** The entries of one kind of a store, decoded by `codec`. `kind` is needed exactly where the store has kinds. */
  cached<T>(
    storeName: string,
    codec: Pick<Serde<T>, 'read' | 'write'>,
    kind?: number,
    keepsClean = true,
  ): CachedStore<T> {
    const index = this.#definitions.findIndex(definition => definition.name === storeName)
    assert(index >= 0, `the task has no store '${storeName}'`)
    assert(
      (kind !== undefined) === this.#definitions[index]!.hasKinds,
      `store '${storeName}' was asked for with the wrong kind`,
    )
    const changelogPrefix = Buffer.from(kind === undefined ? [] : [kind])
    const prefix = Buffer.from(kind === undefined ? [index + 1] : [index + 1, kind])
    const cache = new CachedStore<T>({ store: this.#store, prefix, changelogPrefix, codec, keepsClean })
    this.#caches.push(cache)
    this.#evictables.push(cache)
    const ofStore = this.#cachesByStore.get(storeName)
    if (ofStore === undefined) this.#cachesByStore.set(storeName, [cache])
    else ofStore.push(cache)
    return cache
  }

  /** Counts `cache` to the budget. */
  addCache(cache: Evictable): void {
    this.#evictables.push(cache)
  }

  /**
   * Called at the end of each transaction, before changes are written to the changelogs: the time to write down stream
   * times.
   */
  beforeFreeze(fn: () => void): void {
    this.#beforeFreeze.push(fn)
  }

  /** Writes the open transaction's changes to the changelogs. Returns the number of records. */
  freeze(changelog: (storeName: string) => PartitionBuffer, timestamp: number): number {
    for (const fn of this.#beforeFreeze) fn()
    let records = 0
    for (const [name, caches] of this.#cachesByStore) {
      for (const cache of caches) if (cache.dirtyCount > 0) records += cache.freeze(changelog(name), timestamp)
    }
    return records
  }

  /** The frozen changes are committed, together with `sources`; `nextOffset` tells the end of each changelog then. */
  committed(sources: readonly PartitionOffset[], nextOffset: (storeName: string) => number): void {
    for (const cache of this.#caches) cache.committed()
    for (const { name } of this.#definitions) {
      const next = nextOffset(name)
      if (next > this.nextOffset(name)) this.#nextOffsets.set(name, next)
    }
    this.#sources = sources
    this.#changed = true
  }

  /** Forgets all that is not committed. Whoever used `cached` asks again: the entries are new ones. */
  async rollback(): Promise<void> {
    this.revert()
    await this.flush(this.#lastFlushMs)
    this.forget()
  }

  /** The first step of a rollback: entries are as they were committed. */
  revert(): void {
    for (const cache of this.#caches) cache.rollback()
  }

  /** Its last step, when all that is committed is on disk: nothing is held any more. */
  forget(): void {
    this.#caches.length = 0
    this.#cachesByStore.clear()
    this.#beforeFreeze.length = 0
    this.#evictables.length = 0
  }

  get pendingBytes(): number {
    let bytes = 0
    for (const cache of this.#caches) bytes += cache.pendingBytes
    return bytes
  }

  get cacheBytes(): number {
    let bytes = 0
    for (const cache of this.#evictables) bytes += cache.bytes
    return bytes
  }

  get cacheStatistics(): { hits: number; reads: number; entries: number } {
    const sum = { hits: 0, reads: 0, entries: 0 }
    for (const cache of this.#caches) {
      sum.hits += cache.hits
      sum.reads += cache.reads
      sum.entries += cache.length
    }
    return sum
  }

  /** Forgets entries that are on disk until about `budgetBytes` are held. */
  evict(budgetBytes: number): void {
    const held = this.cacheBytes
    if (held <= budgetBytes) return
    for (const cache of this.#evictables) cache.evict((cache.bytes / held) * budgetBytes)
  }

  /** Whether a batch is under way. */
  get isFlushing(): boolean {
    return this.#flushing !== null
  }

  /** Brings what is committed to disk, in one batch with the offsets. A batch under way is waited for first. */
  async flush(nowMs: number): Promise<void> {
    while (this.#flushing !== null) await this.#flushing
    const drained = this.drain(nowMs)
    if (drained === null) return
    this.#flushing = this.#store.write(drained.batch).then(drained.written)
    try {
      await this.#flushing
    } finally {
      this.#flushing = null
    }
  }

  /** The batch of a flush, null when there is nothing to write. */
  drain(nowMs: number): Drained | null {
    if (!this.#changed) return null
    this.#changed = false
    const batch: StoreWrite[] = []
    for (const cache of this.#caches) cache.drain(batch)
    const sealed = this.#seal(batch, nowMs)
    const caches = [...this.#caches]
    const written = (): void => {
      for (const cache of caches) cache.drained()
      sealed()
    }
    return { batch, written }
  }

  /**
   * Takes changelog records of one store, which reach up to `nextOffset`, as they are. They are on disk, with that
   * offset, after the next `replays.flush`. Only before the first `cached`.
   */
  replay(storeName: string, rows: ReplayRows, nextOffset: number): void {
    const index = this.#definitions.findIndex(definition => definition.name === storeName)
    assert(index >= 0 && this.#caches.length === 0, `store '${storeName}' is restored before it is used`)
    this.replays.add(this.#definitions[index]!, index + 1, rows)
    this.#nextOffsets.set(storeName, Math.max(nextOffset, this.nextOffset(storeName)))
  }

  /**
   * Adds to a batch what it says of itself: its number and up to where the store holds its changelogs with it. The
   * answer is to be called when it is on disk.
   */
  #seal(batch: StoreWrite[], nowMs: number): () => void {
    this.#batch++
    const marks = this.#definitions.map(({ name, changelogId }, index): StoreMark => {
      return { name, number: index + 1, changelogId, nextOffset: this.nextOffset(name) }
    })
    const meta: StoreMeta = {
      format: storeFormat,
      ...this.#identity,
      stores: marks,
      sources: this.#sources,
      batch: this.#batch,
      writtenMs: nowMs,
    }
    batch.push(batchMark(this.#batch), { key: metaKey, value: writeMeta(meta) })
    const offsets = new Map(this.#nextOffsets)
    return () => {
      this.#lastFlushMs = nowMs
      this.#storedOffsets = offsets
    }
  }

  /**
   * Closes the store. What was committed and is not on disk yet is left to the changelog, unless `flush` was called.
   */
  async close(): Promise<void> {
    await this.replays.settled()
    while (this.#flushing !== null) await this.#flushing.catch(() => undefined)
    await this.#store.close()
  }
}
