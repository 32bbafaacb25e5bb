import { Buffer } from 'node:buffer'
import type { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'
import type { CachedStore } from './cached.ts'
import { KeyPage, keyPageCodec } from './key-page.ts'
import { kinds } from './kinds.ts'
import { type Root, rootCodec, type SlotMark } from './root.ts'
import type { TaskState } from './task-state.ts'

const rootKey = Buffer.alloc(0)
const slotBytes = 8
/** A directory page is closed when it holds this many bytes: it is written again with each key that is added. */
const pageBytes = 2048

/** Time that several operators share: the stamps of the upstream partitions. */
export interface SharedTime {
  readonly stamps: readonly number[]
  readonly now: number
  readonly version: number
  restore(root: Root): void
}

/**
 * Values by key and slot (a window's start, a bucket of time), every one a point read. Beside them a directory lists
 * the
 * keys of each slot, so that a slot can be closed without searching, and a root holds what the operator knows of time.
 */
export class SlotStore<T> {
  readonly #root: CachedStore<Root>
  readonly #directory: CachedStore<KeyPage>
  readonly entries: CachedStore<T>
  /**
   * The operator's committed view of time, changed in place; written down at each commit in which `touch` was called.
   */
  readonly root: Root
  #touched = false
  #time: SharedTime | null = null
  #writtenVersion = 0
  #scratch = Buffer.allocUnsafe(256)

  /** `keepsClean`: whether entries stay in the cache once they are on disk. */
  constructor(state: TaskState, name: string, codec: Pick<Serde<T>, 'read' | 'write'>, keepsClean = true) {
    this.#root = state.cached(name, rootCodec, kinds.root)
    this.#directory = state.cached(name, keyPageCodec, kinds.directory)
    this.entries = state.cached(name, codec, kinds.entry, keepsClean)
    this.root = this.#root.get(this.#root.row(rootKey, 0, 0)) ?? { streamTime: -1, stamps: [], slots: [] }
    state.beforeFreeze(() => {
      const time = this.#time
      if (!this.#touched && (time === null || time.version === this.#writtenVersion)) return
      this.#touched = false
      if (time !== null) {
        this.#writtenVersion = time.version
        this.root.stamps = [...time.stamps]
        // Time never goes back, but the least stamp may (an idle partition speaks again): so it is state too.
        this.root.streamTime = Math.max(this.root.streamTime, time.now)
      }
      this.#root.set(this.#root.row(rootKey, 0, 0), this.root)
    })
  }

  /**
   * The time behind a repartition topic is shared by the operators there, and each writes it down with its own state.
   */
  follow(time: SharedTime | null): void {
    time?.restore(this.root)
    this.#time = time
    this.#writtenVersion = time?.version ?? 0
  }

  /** The operator's stream time is this now. */
  moveTo(time: number): void {
    this.root.streamTime = time
    this.touch()
  }

  /** The root was changed. */
  touch(): void {
    this.#touched = true
  }

  /** The row in `entries` of key and slot. */
  row(key: Buffer, start: number, end: number, slot: number): number {
    const size = this.#entryKey(key, start, end, slot)
    return this.entries.row(this.#scratch, 0, size)
  }

  /** As `row`, for an entry that is about to be set whatever it holds: nothing is read. */
  rowToWrite(key: Buffer, start: number, end: number, slot: number): number {
    const size = this.#entryKey(key, start, end, slot)
    return this.entries.rowToWrite(this.#scratch, 0, size)
  }

  /** The value of key and slot, which is not kept for having been read. */
  peek(key: Buffer, start: number, end: number, slot: number): T | undefined {
    const size = this.#entryKey(key, start, end, slot)
    return this.entries.peek(this.#scratch, 0, size)
  }

  #entryKey(key: Buffer, start: number, end: number, slot: number): number {
    const size = end - start
    if (size + slotBytes > this.#scratch.length) this.#scratch = Buffer.allocUnsafe((size + slotBytes) * 2)
    key.copy(this.#scratch, 0, start, end)
    writeSlot(this.#scratch, size, slot)
    return size + slotBytes
  }

  /** Lists the key under the slot. Once for each key and slot is enough; twice does no harm. */
  register(key: Buffer, start: number, end: number, slot: number): void {
    const mark = this.#mark(slot)
    let row = this.#pageRow(slot, mark.pages - 1)
    let page = this.#directory.get(row)
    if (page === undefined || page.length + end - start > pageBytes) {
      if (page !== undefined) {
        mark.pages++
        row = this.#pageRow(slot, mark.pages - 1)
      }
      page = new KeyPage()
    }
    page.add(key, start, end)
    this.#directory.set(row, page)
    this.touch()
  }

  /** Slots with keys, ascending. */
  get slots(): readonly SlotMark[] {
    return this.root.slots
  }

  /** Whether any key is listed under the slot. */
  has(slot: number): boolean {
    return this.#indexOf(slot) >= 0
  }

  /** The place of a slot in the list, or -1. Mostly a young one is asked for. */
  #indexOf(slot: number): number {
    const { slots } = this.root
    let at = slots.length - 1
    while (at >= 0 && slots[at]!.slot > slot) at--
    return at >= 0 && slots[at]!.slot === slot ? at : -1
  }

  /** The keys of a slot in the order of their bytes, each once. */
  keys(slot: number): Buffer[] {
    const mark = this.root.slots.find(candidate => candidate.slot === slot)
    const keys: Buffer[] = []
    for (let page = 0; page < (mark?.pages ?? 0); page++) this.#directory.get(this.#pageRow(slot, page))?.collect(keys)
    keys.sort(Buffer.compare)
    return keys.filter((key, index) => index === 0 || !key.equals(keys[index - 1]!))
  }

  /**
   * Takes a page of the slot's directory away, and gives the keys that it listed; with the last page the slot is
   * forgotten.
   * For giving up a slot piece by piece.
   */
  takePage(slot: number): Buffer[] {
    const { slots } = this.root
    const index = slots.findIndex(candidate => candidate.slot === slot)
    if (index < 0) return []
    const mark = slots[index]!
    const row = this.#pageRow(slot, mark.pages - 1)
    const keys: Buffer[] = []
    this.#directory.get(row)?.collect(keys)
    this.#directory.set(row, undefined)
    mark.pages--
    if (mark.pages === 0) slots.splice(index, 1)
    this.touch()
    return keys
  }

  /** Forgets the slot's directory. Its entries are the caller's to delete. */
  forget(slot: number): void {
    const { slots } = this.root
    const index = slots.findIndex(candidate => candidate.slot === slot)
    if (index < 0) return
    for (let page = 0; page < slots[index]!.pages; page++) this.#directory.set(this.#pageRow(slot, page), undefined)
    slots.splice(index, 1)
    this.touch()
  }

  #mark(slot: number): SlotMark {
    const { slots } = this.root
    let at = slots.length
    while (at > 0 && slots[at - 1]!.slot > slot) at--
    const found = slots[at - 1]
    if (found !== undefined && found.slot === slot) return found
    const mark = { slot, pages: 1 }
    slots.splice(at, 0, mark)
    return mark
  }

  #pageRow(slot: number, page: number): number {
    writeSlot(this.#scratch, 0, slot)
    this.#scratch.writeInt32BE(page, slotBytes)
    return this.#directory.row(this.#scratch, 0, slotBytes + 4)
  }
}

function writeSlot(bytes: Buffer, at: number, slot: number): void {
  bytes.writeUInt32BE(Math.floor(slot / 4294967296), at)
  bytes.writeUInt32BE(slot >>> 0, at + 4)
}

/** Writes nothing: for operators whose state is their time alone. */
export const noEntry: Pick<Serde<null>, 'read' | 'write'> = {
  write: (_value: null, _out: ByteWriter) => undefined,
  read: () => null,
}
