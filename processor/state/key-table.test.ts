import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeyTable } from './key-table.ts'

type Act = { readonly kind: 'add' | 'remove' | 'find'; readonly key: Uint8Array }

// Few keys, so that they come back, and most of them long, so that the arena is used up again and again.
const key = fc.integer({ min: 0, max: 40 }).map(i => new Uint8Array(i < 10 ? i : 200 + 100 * i).fill(i))
const act: fc.Arbitrary<Act> = fc.record({ kind: fc.constantFrom('add', 'remove', 'find'), key })

/** A table beside a Map from the key in hex to its row. */
class Pair {
  readonly table = new KeyTable()
  readonly rows = new Map<string, number>()

  do({ kind, key }: Act): void {
    // The key lies somewhere in a larger buffer, as it does in a fetched record.
    const bytes = Buffer.concat([Buffer.from([9]), key, Buffer.from([9])])
    const name = Buffer.from(key).toString('hex')
    const known = this.rows.get(name) ?? -1
    expect(this.table.find(bytes, 1, bytes.length - 1)).toBe(known)
    if (kind === 'add' && known < 0) {
      const row = this.table.add(bytes, 1, bytes.length - 1)
      expect([...this.rows.values()]).not.toContain(row)
      this.rows.set(name, row)
    }
    if (kind === 'remove' && known >= 0) {
      this.table.remove(known)
      this.rows.delete(name)
    }
    bytes.fill(0)
  }

  check(): void {
    expect(this.table.length).toBe(this.rows.size)
    const used = new Set(this.rows.values())
    for (let row = 0; row < this.table.rowsEnd; row++) expect(this.table.isUsed(row)).toBe(used.has(row))
    for (const [name, row] of this.rows) {
      const bytes = Buffer.from(name, 'hex')
      expect(this.table.key(row).equals(bytes)).toBe(true)
      expect(this.table.keySize(row)).toBe(bytes.length)
      expect(this.table.find(bytes, 0, bytes.length)).toBe(row)
    }
  }
}

test('any adds and removes: every key is found at its row, and no other', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 200, size: 'max' }), acts => {
      const pair = new Pair()
      for (const each of acts) pair.do(each)
      pair.check()
    }),
    { numRuns: 150, seed: 7 },
  )
})

test('it grows beyond its first rows, slots and arena, and finds all', () => {
  const table = new KeyTable()
  const keyOf = (i: number): Buffer => Buffer.from(`some-longer-key-${i}`)
  for (let i = 0; i < 20_000; i++) expect(table.add(keyOf(i), 0, keyOf(i).length)).toBe(i)
  expect([table.length, table.rowsEnd]).toEqual([20_000, 20_000])
  for (let i = 0; i < 20_000; i++) if (table.find(keyOf(i), 0, keyOf(i).length) !== i) expect(i).toBe('found')
  expect(table.find(keyOf(20_000), 0, keyOf(20_000).length)).toBe(-1)
})

test('rows and bytes of removed keys are used again: a table that turns over does not grow', () => {
  const table = new KeyTable()
  const live: { key: Buffer; row: number }[] = []
  for (let i = 0; i < 50_000; i++) {
    const key = Buffer.from(`key-${i}-${'x'.repeat(i % 50)}`)
    live.push({ key, row: table.add(key, 0, key.length) })
    if (live.length > 100) table.remove(live.shift()!.row)
  }
  expect(table.rowsEnd).toBe(101)
  expect(table.arenaBytes).toBe(8192)
  for (const { key, row } of live) expect(table.find(key, 0, key.length)).toBe(row)
  expect(table.length).toBe(100)
})

test('the empty key is a key', () => {
  const table = new KeyTable()
  const empty = Buffer.alloc(0)
  expect(table.find(empty, 0, 0)).toBe(-1)
  const row = table.add(empty, 0, 0)
  expect(table.find(empty, 0, 0)).toBe(row)
  expect(table.isUsed(row)).toBe(true)
  table.remove(row)
  expect(table.find(empty, 0, 0)).toBe(-1)
})
