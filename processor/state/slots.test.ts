import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter } from '../../schemas/bytes.ts'
import { integerState } from '../../topology/aggregate-state.ts'
import { kinds } from './kinds.ts'
import { MemoryStore } from './memory.ts'
import { type Root, rootCodec } from './root.ts'
import { SlotStore } from './slots.ts'
import { TaskState } from './task-state.ts'
import { TestLog } from './testing.ts'

class Rig {
  readonly disk = new MemoryStore()
  readonly log = new TestLog()
  state!: TaskState
  slots!: SlotStore<number>

  constructor() {
    this.open(true)
  }

  open(created: boolean): void {
    const definition = { name: 'w', hasKinds: true, changelogId: 'id' }
    this.state = TaskState.open(this.disk, created, { clusterId: 'c', application: 'a', task: '0_0' }, [
      definition,
    ]) as TaskState
    this.slots = new SlotStore(this.state, 'w', integerState)
  }

  async commit(): Promise<void> {
    this.state.freeze(() => this.log, 1)
    this.state.committed([], () => this.log.records.length)
    await this.state.flush(1)
    this.state.evict(0)
  }

  put(key: string, slot: number, value: number): void {
    const bytes = Buffer.from(key)
    this.slots.register(bytes, 0, bytes.length, slot)
    this.slots.entries.set(this.slots.row(bytes, 0, bytes.length, slot), value)
  }

  get(key: string, slot: number): number | undefined {
    const bytes = Buffer.from(key)
    return this.slots.entries.get(this.slots.row(bytes, 0, bytes.length, slot))
  }

  rowsOf(kind: number): number {
    return [...this.log.compacted().keys()].filter(key => Number.parseInt(key.slice(0, 2), 16) === kind).length
  }

  keys(slot: number): string[] {
    return this.slots.keys(slot).map(String)
  }
}

test('keys of a slot in the order of their bytes, each once, over many pages, after a restart too', async () => {
  const rig = new Rig()
  const names = Array.from({ length: 600 }, (_, i) => `key-${(i * 7919) % 600}`)
  for (const [i, name] of names.entries()) {
    rig.put(name, 40, i)
    if (i % 5 === 0) rig.put(name, 40, i)
    if (i % 90 === 0) await rig.commit()
  }
  await rig.commit()
  rig.open(false)
  expect(rig.slots.slots).toEqual([{ slot: 40, pages: expect.any(Number) as number }])
  expect(rig.slots.slots[0]!.pages).toBeGreaterThan(2)
  expect(rig.keys(40)).toEqual(names.toSorted())
  expect(rig.get(names[123]!, 40)).toBe(123)
  expect(rig.keys(41)).toEqual([])
})

test('keys longer than a page have pages of their own', async () => {
  const rig = new Rig()
  const names = [3000, 10, 2500, 2048].map(size => String(size).padEnd(size, 'x'))
  for (const name of names) rig.put(name, 0, 1)
  await rig.commit()
  rig.open(false)
  expect(rig.keys(0)).toEqual(names.toSorted())
})

test('slots are ascending, forgotten ones are gone with all their pages, and may come back', async () => {
  const rig = new Rig()
  for (const slot of [30, 10, 20, 2 ** 40 + 5]) for (let i = 0; i < 300; i++) rig.put(`key-number-${i}`, slot, i)
  await rig.commit()
  expect(rig.slots.slots.map(({ slot }) => slot)).toEqual([10, 20, 30, 2 ** 40 + 5])
  rig.slots.forget(20)
  rig.slots.forget(99)
  rig.put('back', 20, 5)
  await rig.commit()
  rig.open(false)
  expect(rig.slots.slots.map(({ slot }) => slot)).toEqual([10, 20, 30, 2 ** 40 + 5])
  expect(rig.keys(20)).toEqual(['back'])
  while (rig.slots.slots.length > 0) rig.slots.forget(rig.slots.slots[0]!.slot)
  await rig.commit()
  // Entries are the caller's to delete; of the directory nothing is left, in the changelog neither.
  const kindsLeft = [...rig.log.compacted().keys()].map(key => Number.parseInt(key.slice(0, 2), 16))
  expect(new Set(kindsLeft)).toEqual(new Set([kinds.root, kinds.entry]))
})

test('a slot given up page by page gives each key once, and is forgotten with the last page', async () => {
  const rig = new Rig()
  for (let i = 0; i < 600; i++) rig.put(`key-number-${i}`, 10, i)
  rig.put('other', 20, 1)
  await rig.commit()
  const keys: string[] = []
  while (rig.slots.slots[0]!.slot === 10) {
    const page = rig.slots.takePage(10)
    expect(page.length).toBeGreaterThan(0)
    expect(page.length).toBeLessThan(250)
    keys.push(...page.map(String))
    await rig.commit()
    rig.open(false)
  }
  expect(keys.toSorted()).toEqual(Array.from({ length: 600 }, (_, i) => `key-number-${i}`).toSorted())
  expect(rig.slots.takePage(10)).toEqual([])
  expect(rig.rowsOf(kinds.directory)).toBe(1)
})

test('the root is written when it was touched, and only then', async () => {
  const rig = new Rig()
  await rig.commit()
  expect(rig.log.records.length).toBe(0)
  rig.slots.root.streamTime = 17
  await rig.commit()
  expect(rig.log.records.length).toBe(0)
  rig.slots.touch()
  await rig.commit()
  expect(rig.log.records.length).toBe(1)
  rig.open(false)
  expect(rig.slots.root.streamTime).toBe(17)
})

test('a shared time is written when it moved, its stamps and what it stood at', async () => {
  const rig = new Rig()
  const time = {
    stamps: [5, -2],
    now: 9,
    version: 3,
    restored: [] as Root[],
    restore(root: Root) {
      this.restored.push(root)
    },
  }
  rig.slots.follow(time)
  expect(time.restored).toEqual([{ streamTime: -1, stamps: [], slots: [] }])
  await rig.commit()
  expect(rig.log.records.length).toBe(0)
  time.version++
  await rig.commit()
  await rig.commit()
  expect(rig.log.records.length).toBe(1)
  rig.open(false)
  expect(rig.slots.root).toEqual({ streamTime: 9, stamps: [5, -2], slots: [] })
})

test('any root is read as it was written', () => {
  const time = fc.oneof(fc.nat(), fc.constantFrom(-1, -2, Infinity, 2 ** 52))
  const root = fc.record({
    streamTime: time,
    stamps: fc.array(time, { maxLength: 5 }),
    slots: fc.array(fc.record({ slot: fc.nat(2 ** 45), pages: fc.nat() }), { maxLength: 5 }),
  })
  fc.assert(
    fc.property(root, fc.nat(9), (value, before) => {
      const out = new ByteWriter(4)
      out.raw(Buffer.alloc(before))
      rootCodec.write(value, out)
      expect(rootCodec.read(out.bytes, before, out.length)).toEqual(value)
    }),
    { seed: 3, numRuns: 100 },
  )
})
