import { expect, test } from 'vitest'
import { int64, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { keyValueState, logState, type StateSpec } from '../../topology/state.ts'
import { topology, type Topology } from '../../topology/stream.ts'
import type { Log } from '../ports.ts'
import type { Stores } from '../state-port.ts'
import { memoryStores } from '../state/memory.ts'
import { metaKey, readMeta, storeFormat, writeMeta } from '../state/meta.ts'
import { Harness, type Input } from '../testing/harness.ts'
import { silentLog, systemWorld } from '../world.ts'

// What a start finds on disk and in changelogs that an earlier one left.

const payments = topic('payments', text, int64)
const out = topic('out', text, int64)

/** Forwards how many times each key has come, as its store knows it. */
function counting(seen: StateSpec, count: (store: any, key: string, timeMs: number) => number): Topology {
  const t = topology('app')
  t.stream(payments)
    .process('count', {
      stores: { seen },
      create: context => ({
        process: ({ key, timestamp }) => context.forward(key, count(context.store('seen'), key, timestamp), timestamp),
      }),
    })
    .to(out)
  return t
}

const inRows = (): Topology =>
  counting(keyValueState('seen', text, int64), (store, key) => {
    const n = (store.get(key) ?? 0) + 1
    store.put(key, n)
    return n
  })

const inLogs = (): Topology =>
  counting(logState('seen', text, int64, { retentionMs: 1e9 }), (store, key, timeMs) => {
    store.append(key, timeMs, 1)
    let n = 0
    store.scan(key, 0, Infinity, () => ++n > 0)
    return n
  })

class Case {
  readonly warnings: string[] = []
  readonly stores: Stores = memoryStores()
  readonly harness: Harness

  constructor() {
    const log: Log = {
      ...silentLog,
      warn: (fields, message) => void this.warnings.push(`${message}: ${(fields as { reason?: string }).reason}`),
      error: (fields, message) => void this.warnings.push(`${message}: ${(fields as { aside?: string }).aside}`),
    }
    this.harness = new Harness(systemWorld(log))
  }

  static async of(t: Topology): Promise<Case> {
    const own = new Case()
    await own.harness.createTopics(t, 1)
    return own
  }

  /** Runs until so many results are out, and stops in good order. */
  async run(t: Topology, results: number): Promise<void> {
    const app = this.harness.app(t, { stores: this.stores, commitIntervalMs: 1 })
    await app.start()
    while ((await this.harness.read(out)).length < results) await this.harness.world.scheduler.yield()
    await app.stop()
    await app.done
  }

  async results(): Promise<unknown[]> {
    return (await this.harness.read(out)).map(({ key, value }) => [key, value])
  }
}

const input = (key: string, timestamp: number): Input => ({ topic: payments, key, value: 1, timestamp, partition: 0 })

test('a store that was opened and never written is empty at the next start, and nothing is wrong with it', async () => {
  const own = await Case.of(inRows())
  await own.run(inRows(), 0)
  await own.run(inRows(), 0)
  await own.harness.produce([input('a', 1)])
  await own.run(inRows(), 1)
  expect(await own.results()).toEqual([['a', 1]])
  expect(own.warnings).toEqual([])
  await own.harness.close()
})

test('a store of an older format is wiped and restored from its changelog', async () => {
  const own = await Case.of(inRows())
  await own.harness.produce([input('a', 1), input('b', 2), input('a', 3)])
  await own.run(inRows(), 3)
  const { store } = await own.stores.open('0_0')
  const older = writeMeta({ ...readMeta(store.get(metaKey)!)!, format: storeFormat - 1 })
  // What only an older version would understand.
  await store.write([
    { key: metaKey, value: older },
    { key: Buffer.from('\u0001a'), value: Buffer.from('?') },
  ])
  await store.close()
  await own.harness.produce([input('a', 4), input('b', 5)])
  await own.run(inRows(), 5)
  expect((await own.results()).slice(3)).toEqual([
    ['a', 3],
    ['b', 2],
  ])
  expect(own.warnings).toEqual([
    `a store cannot be used: it is wiped and restored from its changelog: its format is ${storeFormat - 1}, not ${storeFormat}`,
  ])
  await own.harness.close()
})

test('a store that was moved aside is told of', async () => {
  const own = await Case.of(inRows())
  const stores: Stores = {
    open: async task => ({ ...(await own.stores.open(task)), aside: `${task}.damaged` }),
    destroy: task => own.stores.destroy(task),
  }
  const app = own.harness.app(inRows(), { stores })
  await app.start()
  await app.stop()
  expect(own.warnings).toEqual(['a store that ends the process was moved aside: restoring: 0_0.damaged'])
  await own.harness.close()
})

test('a changelog of another kind of store ends the start, and is not made into state', async () => {
  const own = await Case.of(inRows())
  await own.harness.produce([input('a', 1), input('b', 2)])
  await own.run(inRows(), 2)
  await own.stores.destroy('0_0')
  const app = own.harness.app(inLogs(), { stores: own.stores })
  await expect(app.start()).rejects.toMatchObject({
    code: 'TOPOLOGY',
    message: expect.stringContaining("The changelog of 'seen' holds keys of another kind of store"),
  })
  expect((await own.results()).length).toBe(2)
  await own.harness.close()
})

test('logs restore as rows do', async () => {
  const own = await Case.of(inLogs())
  await own.harness.produce([input('a', 1), input('b', 2), input('a', 3)])
  await own.run(inLogs(), 3)
  await own.stores.destroy('0_0')
  await own.harness.produce([input('a', 4)])
  await own.run(inLogs(), 4)
  expect((await own.results()).at(-1)).toEqual(['a', 3])
  await own.harness.close()
})
