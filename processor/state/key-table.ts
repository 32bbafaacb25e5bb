import { Buffer } from 'node:buffer'
import { longerInts } from './longer.ts'

const emptyRow = -1

/**
 * A hash table from key bytes to small row numbers. Keys are copied into one arena and found by open addressing, so
 * that a look-up by a range of a fetched buffer makes neither a string nor an object. Rows are reused after `remove`.
 */
export class KeyTable {
  #capacity = 64
  /** Row + 1 by slot; 0 is free. */
  #slots = new Int32Array(256)
  #mask = 255
  #hash = new Int32Array(this.#capacity)
  #start = new Int32Array(this.#capacity)
  #size = new Int32Array(this.#capacity).fill(emptyRow)
  #arena = Buffer.allocUnsafeSlow(1024)
  #arenaEnd = 0
  #arenaFree = 0
  #rows = 0
  readonly #freeRows: number[] = []

  /** Rows in use. */
  get length(): number {
    return this.#rows - this.#freeRows.length
  }

  /** One more than the highest row ever used: bounds arrays that run beside this table. */
  get rowsEnd(): number {
    return this.#rows
  }

  /** Memory that is held for keys. */
  get arenaBytes(): number {
    return this.#arena.length
  }

  /** The row of the key `bytes[start, end)`, or -1. */
  find(bytes: Uint8Array, start: number, end: number): number {
    return this.#find(bytes, start, end - start, hashOf(bytes, start, end))
  }

  #find(bytes: Uint8Array, start: number, size: number, hash: number): number {
    let slot = hash & this.#mask
    for (;;) {
      const row = this.#slots[slot]! - 1
      if (row < 0) return emptyRow
      if (this.#hash[row] === hash && this.#size[row] === size && this.#same(row, bytes, start, size)) return row
      slot = (slot + 1) & this.#mask
    }
  }

  #same(row: number, bytes: Uint8Array, start: number, size: number): boolean {
    const arena = this.#arena
    const at = this.#start[row]!
    for (let i = 0; i < size; i++) if (arena[at + i] !== bytes[start + i]) return false
    return true
  }

  /** Adds a key that is not there and returns its row. */
  add(bytes: Uint8Array, start: number, end: number): number {
    const size = end - start
    const hash = hashOf(bytes, start, end)
    const row = this.#freeRows.pop() ?? this.#newRow()
    if (this.#arenaEnd + size > this.#arena.length) this.#makeRoom(size)
    const arena = this.#arena
    const at = this.#arenaEnd
    for (let i = 0; i < size; i++) arena[at + i] = bytes[start + i]!
    this.#start[row] = this.#arenaEnd
    this.#size[row] = size
    this.#hash[row] = hash
    this.#arenaEnd += size
    this.#place(row)
    if (this.length * 2 > this.#mask) this.#rehash(this.#mask * 2 + 1)
    return row
  }

  isUsed(row: number): boolean {
    return this.#size[row]! >= 0
  }

  keySize(row: number): number {
    return this.#size[row]!
  }

  /** Holds the keys of all rows; replaced when it grows, so valid until the next `add`. */
  get bytes(): Buffer {
    return this.#arena
  }

  /** Where the row's key begins in `bytes`. */
  keyStart(row: number): number {
    return this.#start[row]!
  }

  keyEnd(row: number): number {
    return this.#start[row]! + this.#size[row]!
  }

  /** A view of the row's key; valid until the next `add`. */
  key(row: number): Buffer {
    const at = this.#start[row]!
    return this.#arena.subarray(at, at + this.#size[row]!)
  }

  remove(row: number): void {
    let slot = this.#hash[row]! & this.#mask
    while (this.#slots[slot] !== row + 1) slot = (slot + 1) & this.#mask
    this.#closeGap(slot)
    this.#arenaFree += this.#size[row]!
    this.#size[row] = emptyRow
    this.#freeRows.push(row)
  }

  #newRow(): number {
    if (this.#rows === this.#capacity) {
      this.#capacity *= 2
      this.#hash = longerInts(this.#hash, this.#capacity)
      this.#start = longerInts(this.#start, this.#capacity)
      this.#size = longerInts(this.#size, this.#capacity, emptyRow)
    }
    return this.#rows++
  }

  #place(row: number): void {
    let slot = this.#hash[row]! & this.#mask
    while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask
    this.#slots[slot] = row + 1
  }

  /** Moves later entries of the probe run back, so that no tombstones are needed. */
  #closeGap(gap: number): void {
    let hole = gap
    let slot = (gap + 1) & this.#mask
    for (;;) {
      const row = this.#slots[slot]! - 1
      if (row < 0) break
      const home = this.#hash[row]! & this.#mask
      const reachesHole = ((slot - home) & this.#mask) >= ((slot - hole) & this.#mask)
      if (reachesHole) {
        this.#slots[hole] = row + 1
        hole = slot
      }
      slot = (slot + 1) & this.#mask
    }
    this.#slots[hole] = 0
  }

  #rehash(mask: number): void {
    this.#mask = mask
    this.#slots = new Int32Array(mask + 1)
    for (let row = 0; row < this.#rows; row++) if (this.#size[row]! >= 0) this.#place(row)
  }

  /** Compacts the arena when much of it belongs to removed keys, else doubles it. */
  #makeRoom(size: number): void {
    const live = this.#arenaEnd - this.#arenaFree
    const capacity = live * 2 > this.#arena.length ? Math.max(this.#arena.length * 2, live + size) : this.#arena.length
    const arena = Buffer.allocUnsafeSlow(Math.max(capacity, live + size))
    let end = 0
    for (let row = 0; row < this.#rows; row++) {
      const keySize = this.#size[row]!
      if (keySize < 0) continue
      const at = this.#start[row]!
      this.#arena.copy(arena, end, at, at + keySize)
      this.#start[row] = end
      end += keySize
    }
    this.#arena = arena
    this.#arenaEnd = end
    this.#arenaFree = 0
  }
}

/** FNV-1a with a finaliser: keys are short and differ in their last bytes. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  hash ^= hash >>> 15
  return Math.imul(hash, 0x2c1b3c6d) | 0
}
