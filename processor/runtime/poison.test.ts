import { expect, test } from 'vitest'
import { int64, json, rawBytes, text } from '../../schemas/serdes.ts'
import { DecodeError, NotReady, type Serde } from '../../schemas/serde.ts'
import { topic } from '../../schemas/topic.ts'
import { count, sum } from '../../topology/counting.ts'
import type { Failure, OnFailure } from '../../topology/plan.ts'
import { keyValueState } from '../../topology/state.ts'
import { topology, type Topology } from '../../topology/stream.ts'
import { memoryStores } from '../state/memory.ts'
import { Harness, type Input } from '../testing/harness.ts'
import { TestProcess } from '../testing/process-testing.ts'
import { type Ending, runOver, type Scenario } from '../testing/restarts-testing.ts'

// One record that cannot be processed: the others are processed exactly once, and it leaves no other trace.

const any = json<any>('any', value => value)
const payments = topic('payments', text, int64)
const out = topic('out', text, any)
const dead = topic<Buffer | null, any>('dead', rawBytes as Serde<any>, any)

const letter = ({ code, message, offset, partition, key, value, headers }: Failure): object => ({
  code,
  message,
  offset,
  partition,
  key: key?.toString('hex') ?? null,
  value: value?.toString('hex') ?? null,
  headers: headers.length,
})

const named = (onFailure: OnFailure): Topology =>
  topology('app', { onFailure, ...(onFailure === 'dead-letter' && { deadLetters: { topic: dead, value: letter } }) })

const inputs: readonly Input[] = Array.from({ length: 100 }, (_, i) => ({
  topic: payments,
  key: `k${i % 3}`,
  value: i,
  timestamp: 1000 + i,
  partition: 0,
}))

const hexOf = (value: number): string => {
  const buffer = Buffer.alloc(8)
  buffer.writeBigInt64BE(BigInt(value))
  return buffer.toString('hex')
}

type When = 'before' | 'between' | 'after'

/** Counts by key in a store and forwards twice around the put; throws at the values told. */
function counting(t: Topology, poison: ReadonlySet<number>, when: When): void {
  const fail = (value: number, now: When): void => {
    if (when === now && poison.has(value)) throw new TypeError(`no ${value}`)
  }
  t.stream(payments)
    .process('count', {
      stores: { seen: keyValueState('seen', text, int64) },
      create: context => ({
        process({ key, value, timestamp }) {
          context.counter('tried').value++
          fail(value, 'before')
          const n = (context.store('seen').get(key) ?? 0) + 1
          context.forward(key, value, timestamp)
          context.store('seen').put(key, n)
          fail(value, 'between')
          context.forward(key, -n, timestamp)
          fail(value, 'after')
        },
      }),
    })
    .map(value => value as any)
    .groupByKey(any)
    .aggregate('sums', { n: count<any>(), total: sum((value: any) => value as number) })
    .changes()
    .to(out)
}

/** In many small transactions, so that a replay begins in the middle. */
async function runOn(
  t: Topology,
  given: readonly Input[],
  options = {},
): Promise<{ harness: Harness; aborts: number }> {
  const harness = new Harness()
  await harness.createTopics(t, 1)
  for (let i = 0; i < given.length; i += 10) await harness.produce(given.slice(i, i + 10))
  await harness.produce([], [payments])
  const process = new TestProcess(harness, t, { stores: memoryStores(), ...options })
  await process.run()
  const { commits, aborts } = process.app.read()
  expect(commits).toBeGreaterThan(3)
  return { harness, aborts }
}

test.each([
  ['before', 'dead-letter'],
  ['between', 'dead-letter'],
  ['after', 'dead-letter'],
  ['before', 'skip'],
  ['between', 'skip'],
  ['after', 'skip'],
] as const)('code throws %s, %s: all the others are processed exactly once', async (when, policy) => {
  for (const poison of [[0], [57], [99], [3, 4, 5, 60]]) {
    const t = named(policy)
    counting(t, new Set(poison), when)
    const { harness, aborts } = await runOn(t, inputs)
    expect(aborts).toBe(poison.length)
    const clean = named('fail')
    counting(clean, new Set(), when)
    const { harness: without } = await runOn(
      clean,
      inputs.filter(({ value }) => !poison.includes(value as number)),
    )
    const rows = async (from: Harness): Promise<unknown[]> =>
      (await from.read(out)).map(({ key, value, timestamp }) => [key, value, timestamp])
    expect(await rows(harness)).toEqual(await rows(without))
    if (policy === 'dead-letter') {
      expect((await harness.read(dead)).map(({ key, value }) => [String(key), value])).toEqual(
        poison.map(i => [
          `k${i % 3}`,
          {
            code: 'ERR_PROCESSING',
            message: `no ${i}`,
            offset: i,
            partition: 0,
            key: Buffer.from(`k${i % 3}`).toString('hex'),
            value: hexOf(i),
            headers: 0,
          },
        ]),
      )
    }
    await harness.close()
    await without.close()
  }
})

test('what a replay leaves in the changelog is what it leaves in memory', async () => {
  const scenario = (poison: ReadonlySet<number>): Scenario => ({
    topology() {
      const t = named('skip')
      counting(t, poison, 'between')
      return t
    },
    partitions: 1,
    inputs: inputs.filter(({ value }) => poison.size > 0 || ![3, 44, 57].includes(value as number)),
    ends: [payments],
    output: out,
  })
  const ending: Ending = { by: 'kill', at: () => 'committed', state: 'deleted' }
  const rows = ({ outputs }: Awaited<ReturnType<typeof runOver>>): unknown[] =>
    outputs.map(({ key, value, timestamp }) => [key, value, timestamp])
  const whole = await runOver(scenario(new Set()), null)
  const poisoned = await runOver(scenario(new Set([3, 44, 57])), ending)
  expect(rows(poisoned)).toEqual(rows(whole))
  expect(poisoned.restored.length).toBeGreaterThan(3)
})

test('counts follow the transaction: what a replay counts again is counted once', async () => {
  const t = named('skip')
  counting(t, new Set([50, 70]), 'between')
  const harness = new Harness()
  await harness.createTopics(t, 1)
  await harness.produce(inputs, [payments])
  const app = harness.app(t)
  await app.start()
  await app.ended
  const { counts, aborts } = app.read()
  expect(aborts).toBe(2)
  const [task] = [...counts.values()]
  expect(task!.counters.get('tried')).toBe(98)
  expect(task!.records.get('payments')).toBe(100)
  expect(task!.rejected.get('ERR_PROCESSING')).toBe(2)
  await app.stop()
  await harness.close()
})

test('under fail the application stops, and says where', async () => {
  const t = named('fail')
  counting(t, new Set([57]), 'between')
  const harness = new Harness()
  await harness.createTopics(t, 1)
  await harness.produce(inputs, [payments])
  const app = harness.app(t)
  app.start().catch(() => undefined)
  await expect(app.ended).rejects.toThrow(/no 57.*\(payments-0@57\)/)
  await expect(app.done).rejects.toMatchObject({
    code: 'PROCESSING',
    place: { topic: 'payments', partition: 0, offset: 57 },
  })
  expect(app.state).toBe('failed')
  expect((await harness.read(out)).length).toBeLessThanOrEqual(2 * 57)
  await harness.close()
})

/** Refuses what has another size. */
const picky: Serde<number> = {
  ...int64,
  name: 'picky',
  read(buffer, start, end) {
    if (end - start !== 8) throw new DecodeError('ERR_FRAME', `it has ${end - start} bytes`)
    return int64.read(buffer, start, end)
  },
}

test.each(['dead-letter', 'skip', 'fail'] as const)('records that cannot be decoded, %s', async policy => {
  const source = topic('payments', text, picky)
  const t = named(policy)
  t.stream(source)
    .map(value => value as any)
    .to(out)
  const given = inputs.map(input =>
    [7, 8, 50].includes(input.value as number) ? { ...input, value: Buffer.from('junk!') } : input,
  )
  const harness = new Harness()
  await harness.createTopics(t, 1)
  await harness.produce(
    given.map(input => ({ ...input, topic: source })),
    [source],
  )
  if (policy === 'fail') {
    const app = harness.app(t)
    app.start().catch(() => undefined)
    await expect(app.done).rejects.toMatchObject({
      code: 'DECODE',
      place: { topic: 'payments', partition: 0, offset: 7 },
    })
  } else {
    await harness.run(t)
    expect((await harness.read(out)).map(({ value }) => value as unknown)).toEqual(
      inputs.map(({ value }) => value).filter(value => ![7, 8, 50].includes(value as number)),
    )
    if (policy === 'dead-letter') {
      const hex = Buffer.from('junk!').toString('hex')
      expect((await harness.read(dead)).map(({ value }) => value as unknown)).toMatchObject(
        [7, 8, 50].map(offset => ({ code: 'ERR_FRAME', offset, value: hex })),
      )
    }
  }
  await harness.close()
})

/** A registry that is down for the first few questions: a value it has not told of cannot be read. */
class Outage {
  asked = 0
  readonly #downFor: number
  readonly #known = new Set<number>()

  constructor(downFor: number) {
    this.#downFor = downFor
  }

  serde(): Serde<number> {
    return {
      ...int64,
      name: 'registered',
      read: (buffer, start, end) => {
        const value = int64.read(buffer, start, end)
        const schema = value % 10
        if (this.#known.has(schema)) return value
        throw new NotReady(`schema ${schema}`, async () => {
          await Promise.resolve()
          if (this.asked++ < this.#downFor) throw new Error('the registry is down')
          this.#known.add(schema)
        })
      },
    }
  }
}

/** Waits that are over at once, so that an outage of several tries takes no time. */
const impatient = (harness: Harness): object => ({
  world: {
    ...harness.world,
    scheduler: {
      ...harness.world.scheduler,
      sleep: (ms: number, signal?: AbortSignal) => harness.world.scheduler.sleep(Math.min(ms, 5), signal),
    },
  },
})

test('values whose schema cannot be had for a while wait, in order, and nothing is lost', async () => {
  const outage = new Outage(4)
  const source = topic('payments', text, outage.serde())
  const t = named('dead-letter')
  t.stream(source)
    .map(value => value as any)
    .to(out)
  const harness = new Harness()
  await harness.createTopics(t, 1)
  await harness.produce(
    inputs.map(input => ({ ...input, topic: source })),
    [source],
  )
  await harness.run(t, impatient(harness))
  expect((await harness.read(out)).map(({ value }) => value as unknown)).toEqual(inputs.map(({ value }) => value))
  expect(await harness.read(dead)).toEqual([])
  expect(outage.asked).toBe(14)
  await harness.close()
})

test('so do keys, which are read when the record is on its way already: it is no poison', async () => {
  const outage = new Outage(3)
  const source = topic('payments', outage.serde(), int64)
  const t = named('dead-letter')
  t.stream(source)
    .peek(() => undefined)
    .map((value, key) => [key, value] as any)
    .rekey(() => 'k', text)
    .to(out)
  const harness = new Harness()
  await harness.createTopics(t, 1)
  await harness.produce(
    inputs.map(input => ({ ...input, topic: source, key: input.value })),
    [source],
  )
  await harness.run(t, impatient(harness))
  expect((await harness.read(out)).map(({ value }) => value as unknown)).toEqual(
    inputs.map(({ value }) => [value, value]),
  )
  expect(await harness.read(dead)).toEqual([])
  await harness.close()
})

test('a bad timestamp drops the record: below zero, or no number at all', async () => {
  const t = named('fail')
  t.stream(payments, { timestamp: value => (value % 3 === 0 ? -1 : value % 3 === 1 ? Number.NaN : 5000 + value) })
    .map(value => value as any)
    .to(out)
  const { harness } = await runOn(t, inputs)
  const rows = await harness.read(out)
  expect(rows.map(({ value, timestamp }) => [value, timestamp])).toEqual(
    inputs.filter(({ value }) => (value as number) % 3 === 2).map(({ value }) => [value, 5000 + (value as number)]),
  )
  await harness.close()
})

test('timers are called as often as without the poison: a replay makes no call again', async () => {
  const ticking = (poison: number): Topology => {
    const t = named('skip')
    t.stream(payments)
      .process('tick', {
        key: text,
        create(context) {
          context.schedule(10, 'stream', timeMs => context.forward('tick', timeMs as any, timeMs))
          return {
            process({ value }) {
              if (value === poison) throw new Error('no')
              if (context.streamTime() !== 1000 + value) throw new Error(`the time is ${context.streamTime()}`)
            },
          }
        },
      })
      .map(value => value as any)
      .to(out)
    return t
  }
  const calls: unknown[] = []
  for (const poison of [-1, 57]) {
    const harness = new Harness()
    await harness.createTopics(ticking(poison), 1)
    const app = harness.app(ticking(poison), { commitIntervalMs: 1 })
    await app.start()
    // In two parts, so that the poison finds a time that is committed.
    await harness.produce(inputs.slice(0, 50))
    while ((await harness.read(out)).length < 5) await harness.world.scheduler.yield()
    await harness.produce(inputs.slice(50), [payments])
    await app.ended
    await app.stop()
    calls.push((await harness.read(out)).map(({ value }) => value as unknown))
    await harness.close()
  }
  expect(calls[1]).toEqual(calls[0])
  expect(calls[0]).toEqual([1000, 1010, 1020, 1030, 1040, 1050, 1060, 1070, 1080, 1090])
})

test('an input that has ended is still at its end after a replay: windows close, and the run ends', async () => {
  const others = topic('others', text, int64)
  const t = named('skip')
  t.stream([payments, others])
    .filter(value => {
      if (value === 77) throw new Error('no')
      return true
    })
    .groupByKey()
    .count('seen')
    .changes()
    .to(out)
  const harness = new Harness()
  await harness.createTopics(t, 1)
  await harness.produce(inputs.slice(0, 20), [payments])
  const app = harness.app(t, { commitIntervalMs: 1 })
  await app.start()
  await harness.produce([{ topic: others, key: 'k0', value: 1, timestamp: 5000 }])
  while ((await harness.read(out)).length < 21) await harness.world.scheduler.yield()
  await harness.produce([{ topic: others, key: 'k0', value: 77, timestamp: 5001 }], [others])
  await app.ended
  expect(app.read().aborts).toBe(1)
  await app.stop()
  await harness.close()
})
