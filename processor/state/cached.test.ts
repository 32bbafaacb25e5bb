import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Serde } from '../../schemas/serde.ts'
import type { Store, StoreWrite } from '../state-port.ts'
import { CachedStore } from './cached.ts'
import { intact, sealed } from './checksum.ts'
import { MemoryStore } from './memory.ts'
import { evictTo, TestLog } from './testing.ts'

/** A row that is changed in place, as accumulators are. */
interface Row {
  text: string
}

const codec: Pick<Serde<Row>, 'read' | 'write'> = {
  write: (row, out) => out.text(row.text),
  read: (bytes, start, end) => ({ text: bytes.toString('latin1', start, end) }),
}
const prefix = Buffer.from([3, 2])
const changelogPrefix = Buffer.from([2])

const open = (store: Store): CachedStore<Row> => new CachedStore<Row>({ store, prefix, changelogPrefix, codec })

type Rows = Map<number, string>

const keyOf = (key: number): Buffer => Buffer.from(`key${key}`)
const diskKey = (key: number): Buffer => Buffer.concat([prefix, keyOf(key)])

/**
 * What the cache must look like. `open` is what reads see; `frozen` what the transaction under way will leave,
 * `committed` what a rollback goes back to; `flushing` what the batch under way brings to `disk`.
 */
interface Model {
  open: Rows
  frozen: Rows | null
  committed: Rows
  flushing: Rows | null
  disk: Rows
  dirty: Set<number>
}

interface Real {
  disk: MemoryStore
  cache: CachedStore<Row>
  batch: StoreWrite[]
  log: TestLog
  committedRecords: number
}

type Command = fc.AsyncCommand<Model, Real>

function read({ cache }: Real, key: number): string | undefined {
  const bytes = keyOf(key)
  return cache.get(cache.row(bytes, 0, bytes.length))?.text
}

async function diskOf(disk: MemoryStore): Promise<Rows> {
  const rows: Rows = new Map()
  for await (const [key, value] of disk.range(Buffer.from([0]), Buffer.from([255]))) {
    expect(intact(key, value)).toBe(true)
    rows.set(Number(key.toString('latin1', prefix.length + 3)), value.toString('latin1', 4))
  }
  return rows
}

/** What never may happen: the disk holds what is not committed; or a key that nobody looks at has lost its value. */
async function check(model: Model, real: Real): Promise<void> {
  expect(await diskOf(real.disk)).toEqual(model.disk)
  expect(real.cache.dirtyCount).toBe(model.dirty.size)
  if (real.cache.pendingBytes === 0) expect(model.committed).toEqual(model.flushing ?? model.disk)
}

class Act implements Command {
  readonly name: string
  readonly can: (model: Model) => boolean
  readonly act: (model: Model, real: Real) => Promise<void> | void

  constructor(name: string, can: (model: Model) => boolean, act: (model: Model, real: Real) => Promise<void> | void) {
    this.name = name
    this.can = can
    this.act = act
  }

  check(model: Model): boolean {
    return this.can(model)
  }

  async run(model: Model, real: Real): Promise<void> {
    await this.act(model, real)
    await check(model, real)
  }

  toString(): string {
    return this.name
  }
}

const always = (): boolean => true

const put = (key: number, text: string): Act =>
  new Act(`put ${key} ${text}`, always, (model, { cache }) => {
    const bytes = keyOf(key)
    const row = cache.row(bytes, 0, bytes.length)
    const value = cache.get(row)
    if (value === undefined) cache.set(row, { text })
    else {
      value.text = text
      cache.set(row, value)
    }
    model.open.set(key, text)
    model.dirty.add(key)
  })

const del = (key: number): Act =>
  new Act(`delete ${key}`, always, (model, { cache }) => {
    const bytes = keyOf(key)
    cache.set(cache.row(bytes, 0, bytes.length), undefined)
    model.open.delete(key)
    model.dirty.add(key)
  })

const get = (key: number): Act =>
  new Act(`get ${key}`, always, (model, real) => {
    expect(read(real, key)).toBe(model.open.get(key))
  })

const freeze = new Act(
  'freeze',
  model => model.frozen === null,
  (model, { cache, log, committedRecords }) => {
    expect(cache.freeze(log, 5)).toBe(model.dirty.size)
    expect(log.records.length - committedRecords).toBe(model.dirty.size)
    model.frozen = new Map(model.open)
    model.dirty.clear()
  },
)

const committed = new Act(
  'committed',
  model => model.frozen !== null,
  (model, real) => {
    real.cache.committed()
    real.committedRecords = real.log.records.length
    model.committed = model.frozen!
    model.frozen = null
    const logged = [...real.log.compacted()].map(([key, value]) => [
      Number(Buffer.from(key, 'hex').toString('latin1', changelogPrefix.length + 3)),
      value.toString('latin1'),
    ])
    expect(new Map(logged as [number, string][])).toEqual(model.committed)
  },
)

const rollback = new Act('rollback', always, (model, real) => {
  real.cache.rollback()
  real.log.cut(real.committedRecords)
  model.open = new Map(model.committed)
  model.frozen = null
  model.dirty.clear()
})

const drain = new Act(
  'drain',
  model => model.flushing === null,
  (model, { cache, batch }) => {
    batch.length = 0
    cache.drain(batch)
    expect(cache.pendingBytes).toBe(0)
    model.flushing = new Map(model.committed)
  },
)

const drained = new Act(
  'drained',
  model => model.flushing !== null,
  async (model, { cache, disk, batch }) => {
    await disk.write(batch)
    cache.drained()
    model.disk = model.flushing!
    model.flushing = null
  },
)

const evict = (budget: number): Act => new Act(`evict ${budget}`, always, (_model, { cache }) => evictTo(cache, budget))

/** The process dies; a new one opens the disk and replays the changelog over it. */
const restart = new Act('restart', always, async (model, real) => {
  real.log.cut(real.committedRecords)
  for (const { key, value } of real.log.records) {
    const sealedKey = Buffer.concat([prefix.subarray(0, 1), key])
    await real.disk.write([{ key: sealedKey, value: value === null ? null : sealed(sealedKey, value) }])
  }
  real.cache = open(real.disk)
  model.open = new Map(model.committed)
  model.disk = new Map(model.committed)
  model.frozen = null
  model.flushing = null
  model.dirty.clear()
})

const key = fc.integer({ min: 0, max: 5 })
const commands = fc.commands(
  [
    fc
      .tuple(key, fc.string({ minLength: 0, maxLength: 3, unit: fc.constantFrom('a', 'b') }))
      .map(([k, text]) => put(k, text)),
    key.map(del),
    key.map(get),
    ...[freeze, committed, drain, drained].flatMap(act => [fc.constant(act), fc.constant(act)]),
    fc.constant(rollback),
    fc.constantFrom(0, 0, 300, 700).map(evict),
    fc.constant(restart),
  ],
  { maxCommands: 60, size: 'max' },
)

test('transactions, batches, eviction and restarts in any order: reads, changelog and disk are what the model says', async () => {
  await fc.assert(
    fc.asyncProperty(commands, async list => {
      const disk = new MemoryStore()
      const setup = (): { model: Model; real: Real } => ({
        model: {
          open: new Map(),
          frozen: null,
          committed: new Map(),
          flushing: null,
          disk: new Map(),
          dirty: new Set(),
        },
        real: { disk, cache: open(disk), batch: [], log: new TestLog(), committedRecords: 0 },
      })
      const both = setup()
      await fc.asyncModelRun(() => both, list)
      for (let k = 0; k <= 5; k++) expect(read(both.real, k)).toBe(both.model.open.get(k))
    }),
    { numRuns: 400, seed: 11 },
  )
})

const write = (cache: CachedStore<Row>, name: string, row: Row | undefined): void => {
  const bytes = Buffer.from(name)
  cache.set(cache.row(bytes, 0, bytes.length), row)
}

const commit = (cache: CachedStore<Row>, log = new TestLog()): TestLog => {
  cache.freeze(log, 1)
  cache.committed()
  return log
}

async function flush(cache: CachedStore<Row>, disk: Store): Promise<StoreWrite[]> {
  const batch: StoreWrite[] = []
  cache.drain(batch)
  await disk.write(batch)
  cache.drained()
  return batch
}

test('the changelog holds the key with its kind and without the number of the store; the disk both', async () => {
  const disk = new MemoryStore()
  const cache = open(disk)
  write(cache, 'k', { text: 'v' })
  const log = commit(cache)
  expect(log.records).toEqual([{ timestamp: 1, key: Buffer.from('\u0002k'), value: Buffer.from('v') }])
  expect((await flush(cache, disk))[0]!.key).toEqual(Buffer.from('\u0003\u0002k'))
})

test('keys longer than the first scratch', async () => {
  const disk = new MemoryStore()
  const cache = open(disk)
  const names = [300, 700, 10].map(size => 'n'.repeat(size))
  for (const name of names) write(cache, name, { text: name.slice(0, 5) + name.length })
  commit(cache)
  await flush(cache, disk)
  const again = open(disk)
  for (const name of names)
    expect(again.get(again.row(Buffer.from(name), 0, name.length))?.text).toBe(name.slice(0, 5) + name.length)
})

test('a key deleted and not on disk yet is not read back from disk', async () => {
  const disk = new MemoryStore()
  const cache = open(disk)
  write(cache, 'k', { text: 'v' })
  commit(cache)
  await flush(cache, disk)
  write(cache, 'k', undefined)
  commit(cache)
  cache.evict(0)
  expect(cache.get(cache.row(Buffer.from('k'), 0, 1))).toBeUndefined()
  expect(disk.get(diskKey(0))).toBeUndefined()
})

test('deletions wait for the disk like values: they count as pending, and so get there', async () => {
  const cache = open(new MemoryStore())
  write(cache, 'k', undefined)
  expect(cache.pendingBytes).toBe(0)
  commit(cache)
  const waiting = cache.pendingBytes
  expect(waiting).toBeGreaterThan(0)
  write(cache, 'k', undefined)
  commit(cache)
  expect(cache.pendingBytes).toBe(waiting)
  cache.drain([])
  expect(cache.pendingBytes).toBe(0)
})

test('a value that does not match its checksum is not served', async () => {
  const disk = new MemoryStore()
  const cache = open(disk)
  write(cache, 'k', { text: 'v' })
  commit(cache)
  const [{ key, value }] = (await flush(cache, disk)) as [StoreWrite]
  const damaged = Buffer.from(value!)
  damaged[damaged.length - 1]! ^= 1
  await disk.write([{ key, value: damaged }])
  expect(() => open(disk).row(Buffer.from('k'), 0, 1)).toThrow(/does not match its checksum/)
  // A value that belongs to another key is damage as well.
  await disk.write([{ key: Buffer.concat([prefix, Buffer.from('x')]), value }])
  expect(() => open(disk).row(Buffer.from('x'), 0, 1)).toThrow(/does not match its checksum/)
  await disk.write([{ key, value: Buffer.from([1]) }])
  expect(() => open(disk).row(Buffer.from('k'), 0, 1)).toThrow(/does not match its checksum/)
})

test('the bytes held never go below zero, follow what is cached, and are nothing when all is evicted', async () => {
  const disk = new MemoryStore()
  const cache = open(disk)
  for (let i = 0; i < 3000; i++) write(cache, `key${i}`, { text: 'v'.repeat(i % 100) })
  commit(cache)
  cache.evict(0)
  expect(cache.length).toBe(3000)
  await flush(cache, disk)
  const all = cache.bytes
  expect(all).toBeGreaterThan(3000 * 100)
  evictTo(cache, all / 2)
  expect(cache.bytes).toBeLessThanOrEqual(all / 2)
  expect(cache.bytes).toBeGreaterThan(all / 2 - 1000)
  evictTo(cache, 0)
  expect([cache.bytes, cache.length]).toEqual([0, 0])
})

test('what was used lately stays longer', async () => {
  const disk = new MemoryStore()
  const cache = open(disk)
  for (let i = 0; i < 100; i++) write(cache, `key${i}`, { text: 'v' })
  commit(cache)
  await flush(cache, disk)
  cache.evict(cache.bytes - 1)
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 10; i++) cache.row(Buffer.from(`key${i}`), 0, 4)
    cache.evict(cache.bytes - 400)
  }
  const { reads } = cache
  for (let i = 0; i < 10; i++) cache.row(Buffer.from(`key${i}`), 0, 4)
  expect(cache.reads).toBe(reads)
})
