import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { integerState } from '../../topology/aggregate-state.ts'
import { seeded } from '../operators/testing.ts'
import type { CachedStore } from './cached.ts'
import { type LevelStores, levelStores } from './level.ts'
import { TaskState } from './task-state.ts'
import { evictTo, TestLog } from './testing.ts'

// More keys than fit into memory, on a real LevelDB: state lives on disk, and memory is a cache of it.

const keys = 50_000
const budgetBytes = 256 << 10
/** Entries are evicted between slices, as between turns of the loop; a slice may go over the budget by its own rows. */
const slice = 500
const sliceBytes = slice * 400

let root = ''
let stores: LevelStores
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-budget-'))
  stores = await levelStores(root, 'a')
})
afterEach(async () => {
  await stores.release()
  rmSync(root, { recursive: true, force: true })
})

async function open(): Promise<{ state: TaskState; cache: CachedStore<number> }> {
  const { store, created } = await stores.open('0_0')
  const identity = { clusterId: 'c', application: 'a', task: '0_0' }
  const state = TaskState.open(store, created, identity, [{ name: 's', hasKinds: false, changelogId: 'i' }])
  if (typeof state === 'string') throw new Error(state)
  return { state, cache: state.cached('s', integerState) }
}

const rowOf = (cache: CachedStore<number>, i: number): number => {
  const key = Buffer.from(`customer-${i}`)
  return cache.row(key, 0, key.length)
}

async function commit(state: TaskState, log: TestLog): Promise<void> {
  state.freeze(() => log, 1)
  state.committed([], () => log.records.length)
  await state.flush(1)
  evictTo(
    {
      get bytes() {
        return state.cacheBytes
      },
      evict: budget => state.evict(budget),
    },
    budgetBytes,
  )
}

test('50,000 keys with a cache of 256 KiB: cold ones come from disk, the cache keeps its budget, a restart loads nothing', async () => {
  const log = new TestLog()
  const first = await open()
  for (let i = 0; i < keys; i++) {
    const row = rowOf(first.cache, i)
    first.cache.set(row, i)
    if (i % slice !== slice - 1) continue
    expect(first.state.cacheBytes).toBeLessThanOrEqual(budgetBytes + sliceBytes)
    await commit(first.state, log)
    expect(first.state.cacheBytes).toBeLessThanOrEqual(budgetBytes)
  }
  expect(first.cache.length).toBeLessThan(4000)
  // Every key was asked for once, and none was there.
  expect(first.cache.reads).toBe(keys)

  const random = seeded(1)
  const before = first.cache.reads
  for (let j = 0; j < 5000; j++) {
    const i = Math.floor(random() * keys)
    if (first.cache.get(rowOf(first.cache, i)) !== i) expect(i).toBe('another value')
    if (j % slice === slice - 1) evictTo(first.cache, budgetBytes)
  }
  expect(first.cache.reads - before).toBeGreaterThan(4500)
  expect(first.state.cacheBytes).toBeLessThanOrEqual(budgetBytes)
  await first.state.close()

  const second = await open()
  expect([second.cache.length, second.cache.reads, second.state.cacheBytes]).toEqual([0, 0, 0])
  expect(second.state.nextOffset('s')).toBe(keys)
  expect(second.cache.get(rowOf(second.cache, 31_415))).toBe(31_415)
  expect([second.cache.length, second.cache.reads]).toEqual([1, 1])
  // A key that is hot is read once.
  for (let j = 0; j < 1000; j++) rowOf(second.cache, 31_415)
  expect([second.cache.reads, second.cache.hits]).toEqual([1, 1000])
  await second.state.close()
})
