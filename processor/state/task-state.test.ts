import { expect, test } from 'vitest'
import { integerState } from '../../topology/aggregate-state.ts'
import type { Store, StoreWrite } from '../state-port.ts'
import type { CachedStore } from './cached.ts'
import { MemoryStore } from './memory.ts'
import { metaKey, readMeta, storeFormat, writeMeta } from './meta.ts'
import type { StoreDefinition, TaskIdentity } from './identity.ts'
import { TaskState } from './task-state.ts'
import { columnsOf, rowsOf, TestLog } from './testing.ts'

const identity: TaskIdentity = { clusterId: 'cluster', application: 'app', task: '0_1' }
const definitions: readonly StoreDefinition[] = [
  { name: 'totals', hasKinds: false, changelogId: 'id-totals' },
  { name: 'windows', hasKinds: true, changelogId: 'id-windows' },
]

function opened(store: Store, created = false): TaskState {
  const state = TaskState.open(store, created, identity, definitions)
  if (typeof state === 'string') throw new Error(state)
  return state
}

/** The two changelogs of the task, and transactions over them. */
class Logs {
  readonly totals = new TestLog()
  readonly windows = new TestLog()

  of(name: string): TestLog {
    return name === 'totals' ? this.totals : this.windows
  }

  freeze(state: TaskState): number {
    return state.freeze(name => this.of(name), 1)
  }

  /** Ends are those of a log in which every record has its offset. */
  committed(state: TaskState): void {
    state.committed([{ topic: 'in', partition: 1, offset: 7 }], name => this.of(name).records.length)
  }

  commit(state: TaskState): void {
    this.freeze(state)
    this.committed(state)
  }
}

const totals = (state: TaskState): CachedStore<number> => state.cached<number>('totals', integerState)

const set = (cache: CachedStore<number>, key: string, value: number | undefined): void =>
  cache.set(cache.row(Buffer.from(key), 0, key.length), value)

const get = (cache: CachedStore<number>, key: string): number | undefined =>
  cache.get(cache.row(Buffer.from(key), 0, key.length))

/** A store whose writes wait until they are let through, or fail. */
class SlowStore extends MemoryStore {
  readonly waiting: PromiseWithResolvers<void>[] = []

  override async write(batch: readonly StoreWrite[]): Promise<void> {
    const gate = Promise.withResolvers<void>()
    this.waiting.push(gate)
    await gate.promise
    await super.write(batch)
  }
}

test('an empty store made just now is fine, one that was there is not', () => {
  expect(TaskState.open(new MemoryStore(), true, identity, definitions)).toBeInstanceOf(TaskState)
  expect(TaskState.open(new MemoryStore(), false, identity, definitions)).toBe('it has no meta record')
})

test('a store that was begun and never written is empty, and its own', async () => {
  const store = new MemoryStore()
  await opened(store, true).begin(1234)
  const again = opened(store)
  expect([again.nextOffset('totals'), again.storedOffset('windows'), again.writtenMs]).toEqual([0, 0, 1234])
  set(totals(again), 'k', 1)
  new Logs().commit(again)
  await again.flush(1235)
  expect(get(totals(opened(store)), 'k')).toBe(1)
})

test('what is flushed is there after a restart: entries of every kind, changelog offsets, the time of the batch', async () => {
  const store = new MemoryStore()
  const logs = new Logs()
  const state = opened(store, true)
  const entries = state.cached<number>('windows', integerState, 2)
  const headers = state.cached<number>('windows', integerState, 3)
  set(totals(state), 'k', 1)
  set(entries, 'k', 2)
  set(headers, 'k', 3)
  expect(logs.freeze(state)).toBe(3)
  logs.committed(state)
  expect(logs.windows.records.map(record => record.key.toString('latin1'))).toEqual(['\u0002k', '\u0003k'])
  await state.flush(1234)
  expect([state.storedOffset('totals'), state.storedOffset('windows')]).toEqual([1, 2])
  await state.close()

  const again = opened(store)
  expect([again.nextOffset('totals'), again.nextOffset('windows'), again.writtenMs]).toEqual([1, 2, 1234])
  expect([again.storedOffset('totals'), again.storedOffset('windows')]).toEqual([1, 2])
  expect(get(totals(again), 'k')).toBe(1)
  expect(get(again.cached('windows', integerState, 2), 'k')).toBe(2)
  expect(get(again.cached('windows', integerState, 3), 'k')).toBe(3)
  expect(readMeta(store.get(metaKey)!)!.sources).toEqual([{ topic: 'in', partition: 1, offset: 7 }])
})

test('what is committed and not flushed is left to the changelog', async () => {
  const store = new MemoryStore()
  const state = opened(store, true)
  set(totals(state), 'k', 1)
  new Logs().commit(state)
  expect(state.pendingBytes).toBeGreaterThan(0)
  await state.close()
  expect(TaskState.open(store, false, identity, definitions)).toBe('it has no meta record')
})

const meta = {
  format: storeFormat,
  batch: 0,
  ...identity,
  stores: [
    { name: 'totals', number: 1, changelogId: 'id-totals', nextOffset: 5 },
    { name: 'windows', number: 2, changelogId: 'id-windows', nextOffset: 6 },
  ],
  sources: [],
  writtenMs: 9,
}

test.each([
  [`its format is 1, not ${storeFormat}`, { format: 1 }],
  ['it belongs to another Kafka cluster', { clusterId: 'other' }],
  ["it belongs to the application 'other'", { application: 'other' }],
  ['it belongs to task 0_2', { task: '0_2' }],
  ['it holds the stores totals', { stores: [meta.stores[0]!] }],
  ['it holds the stores windows, totals', { stores: meta.stores.toReversed() }],
  [
    "the changelog of 'windows' is another topic now",
    { stores: [meta.stores[0]!, { ...meta.stores[1]!, changelogId: 'new' }] },
  ],
])('a store is refused: %s', async (reason, change) => {
  const store = new MemoryStore()
  await store.write([{ key: metaKey, value: writeMeta(meta) }])
  expect(opened(store).nextOffset('windows')).toBe(6)
  await store.write([{ key: metaKey, value: writeMeta({ ...meta, ...change }) }])
  expect(TaskState.open(store, false, identity, definitions)).toBe(reason)
})

test('every single damaged bit of the meta record is noticed', async () => {
  const store = new MemoryStore()
  const good = writeMeta(meta)
  for (let bit = 0; bit < good.length * 8; bit++) {
    const damaged = Buffer.from(good)
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    await store.write([{ key: metaKey, value: damaged }])
    expect(TaskState.open(store, false, identity, definitions)).toBe('its meta record is damaged')
  }
  await store.write([{ key: metaKey, value: good.subarray(0, 3) }])
  expect(TaskState.open(store, false, identity, definitions)).toBe('its meta record is damaged')
})

test('a restore may stop after any batch and go on from the offset that is with it', async () => {
  const log = new TestLog()
  const bytes = (value: number): Buffer => {
    const buffer = Buffer.alloc(8)
    buffer.writeBigInt64BE(BigInt(value))
    return buffer
  }
  for (let i = 0; i < 60; i++) {
    log.records.push({ key: Buffer.from(`k${i % 7}`), value: i % 11 === 10 ? null : bytes(i), timestamp: 0 })
  }
  for (let size = 1; size <= 60; size += 13) {
    for (let stops = 0; stops < 60 / size; stops++) {
      const store = new MemoryStore()
      let state = opened(store, true)
      for (let batch = 0; state.nextOffset('totals') < 60; batch++) {
        if (batch === stops) state = opened(store, stops === 0)
        const from = state.nextOffset('totals')
        const records = log.records.slice(from, from + size)
        state.replay('totals', rowsOf(records, from), from + records.length)
        await state.replays.flush(5)
      }
      expect([state.nextOffset('totals'), state.nextOffset('windows')]).toEqual([60, 0])
      expect(state.storedOffset('totals')).toBe(60)
      const cache = totals(state)
      for (let k = 0; k < 7; k++) {
        const last = log.records.findLast(record => record.key.toString() === `k${k}`)!.value
        expect(get(cache, `k${k}`)).toBe(last === null ? undefined : Number(last.readBigInt64BE()))
      }
    }
  }
})

test('a changelog record without a key is damage; a restore never goes back', () => {
  const state = opened(new MemoryStore(), true)
  const record = { key: Buffer.from('k'), value: null, timestamp: 0 }
  const columns = columnsOf([record])
  columns.keyStart[0] = -1
  expect(() => state.replay('totals', { records: columns, from: 0, to: 1 }, 1)).toThrow('A record without a key')
  state.replay('totals', rowsOf([record]), 9)
  state.replay('totals', rowsOf([]), 4)
  expect(state.nextOffset('totals')).toBe(9)
})

test('a changelog with keys of another kind of store is refused, with what to do', () => {
  const state = opened(new MemoryStore(), true)
  const value = Buffer.from('v')
  state.replay('windows', rowsOf([{ key: Buffer.from([3, 107]), value, timestamp: 0 }]), 1)
  for (const key of [Buffer.from('pay-1'), Buffer.alloc(0), Buffer.from([4])]) {
    const rows = rowsOf([{ key, value, timestamp: 0 }])
    state.replay('totals', rows, 1)
    expect(() => state.replay('windows', rows, 2)).toThrow(
      expect.objectContaining({
        code: 'TOPOLOGY',
        message: expect.stringMatching(
          /^The changelog of 'windows' holds .* another name to begin with empty state\.$/,
        ),
      }),
    )
  }
  expect(state.nextOffset('windows')).toBe(1)
})

test('the next transaction runs, and commits, while a batch is on its way', async () => {
  const store = new SlowStore()
  const logs = new Logs()
  const state = opened(store, true)
  const cache = totals(state)
  set(cache, 'a', 1)
  set(cache, 'b', 1)
  logs.commit(state)
  const first = state.flush(1)
  expect(state.isFlushing).toBe(true)
  set(cache, 'a', 2)
  logs.commit(state)
  set(cache, 'b', 3)
  const second = state.flush(2)
  expect(store.waiting.length).toBe(1)
  store.waiting[0]!.resolve()
  await first
  expect(readMeta(store.get(metaKey)!)).toMatchObject({ writtenMs: 1, stores: [{ nextOffset: 2 }, { nextOffset: 0 }] })
  expect(get(totals(opened(store)), 'a')).toBe(1)
  store.waiting[1]!.resolve()
  await second
  expect(state.isFlushing).toBe(false)
  const disk = totals(opened(store))
  expect([get(disk, 'a'), get(disk, 'b')]).toEqual([2, 1])
  expect([get(cache, 'a'), get(cache, 'b')]).toEqual([2, 3])
  const third = state.flush(3)
  expect(store.waiting.length).toBe(2)
  await third
})

test('a rollback with pending and flushing rows loses the open changes only', async () => {
  const store = new SlowStore()
  const logs = new Logs()
  const state = opened(store, true)
  let cache = totals(state)
  set(cache, 'flushing', 1)
  set(cache, 'both', 1)
  set(cache, 'deleted', 1)
  logs.commit(state)
  const flushing = state.flush(1)
  set(cache, 'pending', 2)
  set(cache, 'both', 2)
  set(cache, 'deleted', undefined)
  logs.commit(state)
  for (const name of ['flushing', 'pending', 'both', 'deleted', 'open']) set(cache, name, 3)
  const back = state.rollback()
  store.waiting[0]!.resolve()
  await flushing
  while (store.waiting.length < 2) await Promise.resolve()
  store.waiting[1]!.resolve()
  await back
  cache = totals(state)
  expect(['flushing', 'pending', 'both', 'deleted', 'open'].map(name => get(cache, name))).toEqual([
    1,
    2,
    2,
    undefined,
    undefined,
  ])
  expect(state.nextOffset('totals')).toBe(6)
  set(cache, 'open', 4)
  logs.commit(state)
  const last = state.flush(2)
  store.waiting[2]!.resolve()
  await last
  expect(get(totals(opened(store)), 'open')).toBe(4)
})

test('a batch that fails is told, and its rows stay here: the disk is not asked for them', async () => {
  const store = new SlowStore()
  const state = opened(store, true)
  const cache = totals(state)
  set(cache, 'k', 1)
  new Logs().commit(state)
  const flushing = state.flush(1)
  store.waiting[0]!.reject(new Error('disk full'))
  await expect(flushing).rejects.toThrow('disk full')
  expect(state.isFlushing).toBe(false)
  state.evict(0)
  expect(get(cache, 'k')).toBe(1)
  expect(state.storedOffset('totals')).toBe(0)
  await state.close()
})

test('a changelog end never goes back, and stores without changes keep theirs', () => {
  const state = opened(new MemoryStore(), true)
  state.freeze(() => new TestLog(), 1)
  state.committed([], name => (name === 'totals' ? 10 : -1))
  state.committed([], name => (name === 'totals' ? 8 : 3))
  expect([state.nextOffset('totals'), state.nextOffset('windows')]).toEqual([10, 3])
})

test('the budget is shared by what the caches hold, others than stores included', async () => {
  const state = opened(new MemoryStore(), true)
  const cache = totals(state)
  for (let i = 0; i < 1000; i++) set(cache, `key-${i}`, i)
  const other = {
    bytes: 100_000,
    asked: -1,
    evict(budget: number) {
      this.asked = budget
    },
  }
  state.addCache(other)
  new Logs().commit(state)
  await state.flush(1)
  const held = state.cacheBytes
  expect(held).toBe(cache.bytes + 100_000)
  state.evict(held / 2)
  expect(other.asked).toBeCloseTo(50_000, 3)
  expect(cache.bytes).toBeLessThanOrEqual((held - 100_000) / 2)
  expect(state.cacheStatistics).toMatchObject({ entries: cache.length, reads: 1000 })
})

test('a store is asked for with its kind, and by its name', () => {
  const state = opened(new MemoryStore(), true)
  expect(() => state.cached('totals', integerState, 1)).toThrow(/wrong kind/)
  expect(() => state.cached('windows', integerState)).toThrow(/wrong kind/)
  expect(() => state.cached('none', integerState)).toThrow(/no store 'none'/)
})

test('a batch that is not there any more is noticed, among the last ones whose marks are kept', async () => {
  const store = new MemoryStore()
  const state = opened(store, true)
  const cache = totals(state)
  const logs = new Logs()
  for (let i = 0; i < 600; i++) {
    set(cache, 'k', i)
    logs.commit(state)
    await state.flush(i + 1)
  }
  const markOf = (batch: number): Buffer => Buffer.from([0, 0, batch % 256])
  expect(opened(store).nextOffset('totals')).toBe(600)
  for (const batch of [345, 400, 599, 600]) {
    const key = markOf(batch)
    const value = store.get(key)!
    // As LevelDB leaves it when it drops the batch: what the mark's place held before.
    for (const other of [null, store.get(markOf(batch - 1))!]) {
      await store.write([{ key, value: other }])
      expect(TaskState.open(store, false, identity, definitions)).toBe('a batch of it is lost')
    }
    await store.write([{ key, value }])
  }
  expect(opened(store).nextOffset('totals')).toBe(600)
})
