import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { avro } from '../../schemas/avro.ts'
import { memoryRegistry } from '../../schemas/registry-memory.ts'
import { int64, json, rawBytes, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { count, sum } from '../../topology/counting.ts'
import type { Failure } from '../../topology/plan.ts'
import { keyValueState, logState, windowState } from '../../topology/state.ts'
import { topology } from '../../topology/stream.ts'
import { hopping, tumbling } from '../../topology/windows.ts'
import { seeded } from '../operators/testing.ts'
import { createTestDriver, type TestDriverOptions } from './driver.ts'

const payments = topic('payments', text, int64)
const out = topic(
  'out',
  text,
  json<any>('any', value => value),
)

const spec = { n: count<number>(), total: sum((value: number) => value) }

test('records go through to the outputs, with their times, headers and partitions', async () => {
  const t = topology('app')
  t.stream(payments)
    .filter(value => value > 0)
    .map(value => ({ value }))
    .to(out)
  const driver = await createTestDriver(t, { partitions: 3 })
  const input = driver.input(payments)
  input.pipe('a', 1, 5, { headers: [{ name: 'trace', value: 'x' }] })
  input.pipe('a', -1, 6)
  input.pipe('b', 2, 4, { partition: 2 })
  const output = driver.output(out)
  expect(output.size).toBe(2)
  expect(output.readAll()).toEqual([
    {
      key: 'a',
      value: { value: 1 },
      timestamp: 5,
      headers: [{ name: 'trace', value: Buffer.from('x') }],
      partition: 1,
      offset: 0,
    },
    { key: 'b', value: { value: 2 }, timestamp: 4, headers: [], partition: 2, offset: 0 },
  ])
  expect(output.isEmpty).toBe(true)
  expect(() => output.read()).toThrow("The topic 'out' has no more records.")
})

test("an input's clock gives records their time", async () => {
  const t = topology('app')
  t.stream(payments)
    .map((_, __, { timestamp }) => timestamp)
    .to(out)
  const driver = await createTestDriver(t, { startMs: 100 })
  const input = driver.input(payments, { every: '1s' })
  input.pipe('a', 1)
  input.pipe('a', 2)
  input.pipe('a', 3, 7)
  input.advance('1m')
  input.pipe('a', 4)
  expect(driver.output(out).readValues()).toEqual([100, 1100, 7, 62_100])
})

test('windows close as stream time moves, or at the end; what is late is told', async () => {
  const t = topology('app')
  const windows = t
    .stream(payments)
    .groupByKey()
    .window(tumbling('10ms', { grace: '5ms' }))
    .aggregate('sums', spec)
  windows.final().to(out)
  const driver = await createTestDriver(t)
  const input = driver.input(payments)
  input.pipeAll([
    { key: 'a', value: 1, timestamp: 3 },
    { key: 'a', value: 2, timestamp: 12 },
    { key: 'a', value: 3, timestamp: 4 },
  ])
  expect(driver.store(windows).entries()).toEqual([
    { key: 'a', startMs: 0, value: { n: 2, total: 4, startMs: 0, endMs: 10 } },
    { key: 'a', startMs: 10, value: { n: 1, total: 2, startMs: 10, endMs: 20 } },
  ])
  expect(driver.store(windows).get('a', 10)?.total).toBe(2)
  expect(driver.output(out).isEmpty).toBe(true)
  input.pipe('b', 9, 15)
  expect(driver.output(out).readKeyValues()).toEqual([['a', { n: 2, total: 4, startMs: 0, endMs: 10 }]])
  input.pipe('a', 7, 5)
  expect(driver.dropped).toEqual([
    expect.objectContaining({ step: 'sums', reason: 'late', count: 1, key: 'a', value: 7, timestamp: 5 }),
    expect.objectContaining({ step: 'sums', reason: 'late-windows', offset: 4 }),
  ])
  driver.end()
  expect(driver.output(out).readValues()).toEqual([
    { n: 1, total: 2, startMs: 10, endMs: 20 },
    { n: 1, total: 9, startMs: 10, endMs: 20 },
  ])
})

/** Regroups by the parity of the value. */
function regrouped(combine = false) {
  const t = topology('app')
  t.stream(payments)
    .groupBy(value => (value % 2 === 0 ? 'even' : 'odd'), text, int64)
    .window(tumbling('10ms', { grace: '1h' }))
    .aggregate('sums', spec, { combine })
    .final()
    .to(out)
  return t
}

test.each([1, 4])('repartition topics are crossed, with %i partitions', async partitions => {
  const driver = await createTestDriver(regrouped(), { partitions })
  const input = driver.input(payments)
  for (let i = 0; i < 100; i++) input.pipe(`k${i}`, i, i)
  driver.end()
  const rows = driver.output(out).readAll()
  expect(rows.length).toBe(20)
  expect(rows.reduce((all, { value }) => all + value.total, 0)).toBe((99 * 100) / 2)
})

test('behind a repartition topic a silent partition holds time back until the wall clock says that it is idle', async () => {
  const t = topology('app')
  t.stream(payments)
    .groupBy(() => 'all', text, int64)
    .window(tumbling('10ms'))
    .aggregate('sums', spec)
    .final()
    .to(out)
  const driver = await createTestDriver(t, { partitions: 2 })
  const input = driver.input(payments)
  input.pipe('a', 1, 5, { partition: 0 })
  input.pipe('a', 2, 50, { partition: 0 })
  expect(driver.output(out).size).toBe(0)
  driver.advanceWallClock('10s')
  expect(driver.output(out).size).toBe(0)
  input.pipe('a', 4, 60, { partition: 0 })
  expect(driver.output(out).readValues()).toMatchObject([{ total: 1 }, { total: 2 }])
})

test('a commit of its own: until then nothing is read, and partial aggregates wait', async () => {
  const driver = await createTestDriver(regrouped(true), { commit: 'manual', partitions: 2 })
  const input = driver.input(payments)
  for (let i = 0; i < 10; i++) input.pipe('a', i, i)
  driver.end()
  expect(
    driver
      .output(out)
      .readValues()
      .map(({ n }) => n),
  ).toEqual([5, 5])
})

test('what is not committed is lost in a crash, and its input is processed again', async () => {
  const t = topology('app')
  const totals = t.stream(payments).groupByKey().aggregate('totals', spec)
  totals.changes().to(out)
  const driver = await createTestDriver(t, { commit: 'manual' })
  const input = driver.input(payments)
  input.pipe('a', 1, 1)
  driver.commit()
  input.pipe('a', 2, 2)
  expect(driver.store(totals).get('a')).toEqual({ n: 1, total: 1 })
  expect(driver.output(out).readValues()).toEqual([{ n: 1, total: 1 }])
  driver.crash()
  driver.commit()
  expect(driver.output(out).readValues()).toEqual([{ n: 2, total: 3 }])
  expect(driver.store(totals).entries()).toEqual([['a', { n: 2, total: 3 }]])
})

/** Everything that keeps something. */
function stateful() {
  const t = topology('app')
  const names = t.table(topic('names', text, text))
  const last = keyValueState('last', text, int64)
  const slots = windowState('slots', text, int64, { retentionMs: 100 })
  const log = logState('log', text, int64, { retentionMs: 50 })
  const stream = t.stream(payments)
  stream.leftJoin(names, (value, name) => ({ value, name })).to(out)
  stream
    .process('remember', {
      stores: { last, slots, log },
      create: context => ({
        process({ key, value, timestamp }) {
          const before = context.store('last').get(key) ?? -1
          context.store('last').put(key, value)
          context.store('slots').put(key, Math.floor(timestamp / 20) * 20, value)
          context.store('log').append(key, timestamp, value)
          context.counter('seen').value++
          context.forward(key, [before] as any, timestamp)
        },
      }),
    })
    .map(value => value as any)
    .to(out)
  stream
    .groupByKey()
    .window(hopping('20ms', { every: '8ms', grace: '15ms' }))
    .aggregate('windows', spec)
    .final()
    .to(out)
  return { t, names, last, slots, log }
}

const random = seeded(7)
const script = Array.from({ length: 60 }, (_, i) => ({
  isName: random() < 0.2,
  key: `k${Math.floor(random() * 5)}`,
  value: i,
  timestamp: Math.max(0, i * 3 - Math.floor(random() * 30)),
}))

async function play(
  options: TestDriverOptions,
  between: (driver: Awaited<ReturnType<typeof createTestDriver>>) => void,
) {
  const { t, last, slots, log } = stateful()
  const driver = await createTestDriver(t, { partitions: 2, ...options })
  for (const { isName, key, value, timestamp } of script) {
    if (isName) driver.input(topic('names', text, text)).pipe(key, `n${value}`, timestamp)
    else driver.input(payments).pipe(key, value, timestamp)
    between(driver)
  }
  driver.end()
  const outputs = driver.output(out).readAll()
  return {
    outputs,
    stores: [
      driver.store(last).entries(),
      driver.store(slots).entries(),
      ['k0', 'k1', 'k2'].map(key => driver.store(log).values(key)),
    ],
    dropped: driver.dropped,
  }
}

test('restarted after every record, from changelogs or from state that was kept, it gives the same', async () => {
  const expected = await play({}, () => undefined)
  expect(expected.outputs.length).toBeGreaterThan(70)
  expect(expected.stores[2]!.flat().length).toBeGreaterThan(5)
  expect(await play({}, driver => driver.restart())).toEqual(expected)
  expect(await play({}, driver => driver.restart({ state: 'kept' }))).toEqual(expected)
  expect(await play({}, driver => driver.crash())).toEqual(expected)
}, 20_000)

test('timers run on stream time and on the wall clock, and counters are read', async () => {
  const t = topology('app')
  t.stream(payments)
    .process('timers', {
      key: text,
      create: context => {
        context.schedule(10, 'stream', time => context.forward('stream', time, time))
        context.schedule(1000, 'wall', time => context.forward('wall', time, 0))
        return { process: () => void context.counter('seen').value++ }
      },
    })
    .to(out)
  const driver = await createTestDriver(t)
  driver.input(payments).pipe('a', 1, 3)
  driver.input(payments).pipe('a', 1, 25)
  driver.advanceWallClock(999)
  driver.advanceWallClock(2500)
  expect(driver.nowMs).toBe(3499)
  expect(driver.output(out).readKeyValues()).toEqual([
    ['stream', 3],
    ['stream', 25],
    ['wall', 3499],
  ])
  expect(driver.counters).toEqual({ seen: 2 })
})

const failing = (onFailure: 'fail' | 'skip' | 'dead-letter') => {
  const letters = topic(
    'letters',
    rawBytes,
    json<any>('letter', value => value),
  )
  const t = topology('app', {
    onFailure,
    ...(onFailure === 'dead-letter' && {
      deadLetters: { topic: letters, value: ({ code, offset }: Failure) => ({ code, offset }) },
    }),
  })
  const totals = t
    .stream(payments)
    .peek(value => {
      if (value === 13) throw new Error('unlucky')
    })
    .groupByKey()
    .aggregate('totals', spec)
  totals.changes().to(out)
  return { t, totals, letters }
}

test.each(['each-record', 'manual'] as const)('records that fail go to the dead letters, commit: %s', async commit => {
  const { t, letters } = failing('dead-letter')
  const driver = await createTestDriver(t, { commit })
  const input = driver.input(payments)
  input.pipe('a', 1, 1)
  input.pipe('a', 13, 2)
  input.pipeBytes(Buffer.from('a'), Buffer.from('short'), 3)
  input.pipe('a', 2, 4)
  driver.commit()
  expect(driver.output(out).readValues()).toEqual([
    { n: 1, total: 1 },
    { n: 2, total: 3 },
  ])
  expect(driver.output(letters).readValues()).toEqual([
    { code: 'ERR_PROCESSING', offset: 1 },
    { code: 'ERR_DECODE', offset: 2 },
  ])
  expect(driver.rejected.map(({ code, message }) => [code, message])).toEqual([
    ['ERR_PROCESSING', 'unlucky'],
    ['ERR_DECODE', 'int64 takes 8 bytes, not 5.'],
  ])
})

test("under 'fail' a record that fails ends the driver, and what was committed stays", async () => {
  const { t, totals } = failing('fail')
  const driver = await createTestDriver(t)
  const input = driver.input(payments)
  input.pipe('a', 1, 1)
  expect(() => input.pipe('a', 13, 2)).toThrow('A function of the topology failed: unlucky (payments-0@1)')
  expect(() => input.pipe('a', 2, 3)).toThrow('The driver has failed before')
  expect(driver.store(totals).get('a')).toEqual({ n: 1, total: 1 })
  // As an application would: it starts, and meets the record again.
  expect(() => driver.restart()).toThrow('A function of the topology failed: unlucky (payments-0@1)')
})

test('Avro needs no registry of its own, and schemas that are new to the reader are waited for', async () => {
  const schema = (fields: string[]) => ({
    type: 'record',
    name: 'Sale',
    fields: fields.map(name => ({ name, type: 'int', default: 0 })),
  })
  const sales = topic('sales', text, avro<{ cents: number }>(schema(['cents'])))
  const t = topology('app')
  t.stream(sales)
    .groupBy(({ cents }) => String(cents % 2), text)
    .aggregate('totals', { total: sum((sale: { cents: number }) => sale.cents) })
    .changes()
    .to(out)
  const registry = memoryRegistry()
  const driver = await createTestDriver(t, { registry })
  driver.input(sales).pipe('a', { cents: 5 }, 1)
  expect(driver.output(out).readKeyValues()).toEqual([['1', { total: 5 }]])
  const id = await registry.register('sales-value', JSON.stringify(schema(['shop', 'cents'])))
  driver.input(sales).pipeBytes(Buffer.from('a'), Buffer.from([0, 0, 0, 0, id, 2, 14]), 2)
  driver.input(sales).pipe('a', { cents: 1 }, 3)
  expect(driver.output(out).isEmpty).toBe(true)
  await driver.ready()
  expect(driver.output(out).readKeyValues()).toEqual([
    ['1', { total: 12 }],
    ['1', { total: 13 }],
  ])
})

test('what does not fit is said', async () => {
  const { t } = stateful()
  const driver = await createTestDriver(t, { partitions: 2 })
  const other = topic('other', text, text)
  expect(() => driver.input(other)).toThrow("The topology reads no topic 'other'. It reads 'names', 'payments'.")
  expect(() => driver.output(payments)).toThrow("The topology writes no topic 'payments'. It writes 'out'.")
  expect(() => driver.store(keyValueState('lost', text, text))).toThrow("The topology has no store 'lost'. Its stores:")
  expect(() => driver.input(payments).pipe('a', 1, 1, { partition: 2 })).toThrow(
    'The topic has 2 partitions, and no partition 2.',
  )
  await expect(createTestDriver(t, { partitions: { names: 2 } })).rejects.toThrow("topic 'names' has 2 partitions")
  await expect(createTestDriver(t, { partitions: 0 })).rejects.toThrow('is to have 0 partitions')
})

test('a key that several partitions hold needs its partition named', async () => {
  const t = topology('app')
  const last = keyValueState('last', text, int64)
  t.stream(payments)
    .process('keep', {
      stores: { last },
      create: context => ({ process: ({ value }) => context.store('last').put('same', value) }),
    })
    .to(topic('out', text, int64))
  const driver = await createTestDriver(t, { partitions: 2 })
  driver.input(payments).pipe('a', 1, 1, { partition: 0 })
  expect(driver.store(last).get('same')).toBe(1)
  driver.input(payments).pipe('a', 2, 1, { partition: 1 })
  expect(() => driver.store(last).get('same')).toThrow("The partitions 0 and 1 of 'last' hold this key: say which one.")
  expect(driver.store(last).get('same', 1)).toBe(2)
})
