import { expect, test } from 'vitest'
import { int64, json, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { count, sum } from '../../topology/counting.ts'
import { topology } from '../../topology/stream.ts'
import { memoryStores } from '../state/memory.ts'
import type { Store, Stores } from '../state-port.ts'
import { Harness, type Input } from '../testing/harness.ts'

// Damage that is found while the application runs: the store is wiped and restored, and nobody notices in the output.

const any = json<any>('any', value => value)
const payments = topic('payments', text, int64)
const out = topic('out', text, any)
const dead = topic<any, any>('dead', any, any)

const build = (): ReturnType<typeof topology> => {
  const t = topology('app', {
    onFailure: 'dead-letter',
    deadLetters: { topic: dead, value: failure => failure.message },
  })
  t.stream(payments)
    .groupByKey()
    .aggregate('sums', { n: count(), total: sum((value: number) => value) })
    .changes()
    .to(out)
  return t
}

const inputs: readonly Input[] = Array.from({ length: 400 }, (_, i) => ({
  topic: payments,
  key: `k${i % 40}`,
  value: i,
  timestamp: i,
  partition: 0,
}))

/** Stores whose reads of values give one flipped bit, once `isRotten` is set; destroyed ones are sound again. */
class RottingStores implements Stores {
  readonly #real = memoryStores()
  isRotten = false
  destroyed: string[] = []
  opened = 0

  async open(task: string): Promise<{ store: Store; created: boolean }> {
    const { store, created } = await this.#real.open(task)
    this.opened++
    if (created) this.isRotten = false
    return { store: this.#wrap(store), created }
  }

  async destroy(task: string): Promise<void> {
    this.destroyed.push(task)
    await this.#real.destroy(task)
  }

  #wrap(store: Store): Store {
    return {
      get: key => {
        const value = store.get(key)
        if (value === undefined || !this.isRotten || key[0] === 0) return value
        value[value.length - 1]! ^= 4
        return value
      },
      getMany: keys => store.getMany(keys),
      write: batch => store.write(batch),
      range: (from, to) => store.range(from, to),
      close: () => store.close(),
    }
  }
}

async function results(
  stores: Stores,
  between: () => void,
): Promise<{ rows: unknown[]; dead: number; aborts: number; state: string }> {
  const harness = new Harness()
  const t = build()
  await harness.createTopics(t, 1)
  await harness.produce(inputs.slice(0, 200))
  // Nothing stays in memory, so that rows are read from disk again.
  let committed = 0
  const app = harness.app(t, {
    stores,
    cacheBytes: 0,
    flushAgeMs: 0,
    commitIntervalMs: 1,
    onStep(step) {
      if (step === 'stored' && committed++ === 0) between()
    },
  })
  await app.start()
  while (committed < 2 && (await harness.read(out)).length < 200) await harness.world.scheduler.yield()
  await harness.produce(inputs.slice(200), [payments])
  await app.ended
  const { aborts } = app.read()
  const { state } = app
  await app.stop()
  const rows = (await harness.read(out)).map(({ key, value }) => [key, value])
  const letters = await harness.read(dead)
  await harness.close()
  return { rows, dead: letters.length, aborts, state }
}

test('a value that rots while the application runs: its store is wiped and restored, the output is what it would be', async () => {
  const sound = await results(memoryStores(), () => undefined)
  expect(sound.rows.length).toBe(400)
  const stores = new RottingStores()
  const rotten = await results(stores, () => {
    stores.isRotten = true
  })
  expect(rotten).toEqual({ ...sound, aborts: 1 })
  expect(stores.destroyed).toEqual(['0_0'])
  expect(stores.opened).toBe(2)
})
