import { expect, test } from 'vitest'
import { int64, json, text } from '../../schemas/serdes.ts'
import { NotReady, type Serde } from '../../schemas/serde.ts'
import { topic } from '../../schemas/topic.ts'
import { count } from '../../topology/counting.ts'
import { topology, type Topology } from '../../topology/stream.ts'
import { tumbling } from '../../topology/windows.ts'
import { Harness, type Input } from '../testing/harness.ts'

// User code that throws as time goes, while a window closes or a timer fires: no record did it, so none is rejected.

const any = json<any>('any', value => value)
const payments = topic('payments', text, int64)
const out = topic('out', text, any)
const dead = topic<any, any>('dead', text as any, any)

const named = (): Topology =>
  topology('app', { onFailure: 'dead-letter', deadLetters: { topic: dead, value: failure => failure.message } })

/** Two keys in each window of 10 ms. */
const inputs: readonly Input[] = Array.from({ length: 60 }, (_, i) => ({
  topic: payments,
  key: `k${i % 2}`,
  value: i,
  timestamp: i,
  partition: 0,
}))

/** Closing fails for what `fails` says; on the source's own time, or behind a repartition topic of two upstreams. */
function windows(isAligned: boolean, fails: (result: any, key: string) => boolean): Topology {
  const t = named()
  const stream = t.stream(payments)
  const grouped = isAligned
    ? stream
        .rekey((_value, key) => key, text)
        .repartition('again')
        .groupByKey()
    : stream.groupByKey()
  grouped
    .window(tumbling(10))
    .aggregate('per-window', { n: count() })
    .final()
    .map((result: any, key) => {
      if (fails(result, key)) throw new TypeError('no such window')
      return [result.startMs, result.n]
    })
    .to(out)
  return t
}

async function failureOf(
  t: Topology,
  end: boolean,
  partitions = 1,
): Promise<{ error: any; dead: number; out: number }> {
  const harness = new Harness()
  await harness.createTopics(t, partitions)
  await harness.produce(
    inputs.map((input, i) => ({ ...input, partition: i % partitions })),
    end ? [payments] : [],
  )
  const app = harness.app(t)
  app.start().catch(() => undefined)
  const error: unknown = await app.done.then(
    () => null,
    (failure: unknown) => failure,
  )
  const found = { error, dead: (await harness.read(dead)).length, out: (await harness.read(out)).length }
  await harness.close()
  return found
}

const advice = 'No record is to blame, so none is rejected. Correct the function and start again'

test.each([
  ['a record closes it', false, 1],
  ['the end closes it', true, 1],
  ['the time behind a repartition topic closes it', true, 2],
] as const)(
  'a window whose result fails, when %s: the application ends, under dead-letter too',
  async (_, end, width) => {
    const start = end ? 50 : 20
    const t = windows(width > 1, (result, key) => result.startMs === start && key === 'k1')
    const found = await failureOf(t, end, width)
    expect(found.error).toMatchObject({ code: 'PROCESSING', cause: expect.any(TypeError), place: null })
    expect(found.error.message).toContain(
      `failed when window [${start}, ${start + 10}) of 'per-window' closed for the key "k1": no such window. ${advice}`,
    )
    expect(found.dead).toBe(0)
  },
)

test('a timer that fails ends the application, and names its step', async () => {
  const t = named()
  t.stream(payments)
    .process('tick', {
      create(context) {
        context.schedule(10, 'stream', timeMs => {
          if (timeMs === 30) throw new Error('no tick')
        })
        return { process: record => context.forward(record.key, record.value, record.timestamp) }
      },
    })
    .map(value => value as any)
    .to(out)
  const found = await failureOf(t, false)
  expect(found.error.code).toBe('PROCESSING')
  expect(found.error.message).toContain(`the timer of 'tick' was called (stream time 30): no tick. ${advice}`)
  expect(found.dead).toBe(0)
})

test('a record is to blame for what its own result does, in a window too', async () => {
  const t = named()
  t.stream(payments)
    .groupByKey()
    .window(tumbling(10))
    .aggregate('per-window', { n: count() })
    .changes()
    .map((result: any) => {
      if (result.n === 5 && result.startMs === 20) throw new TypeError('no five')
      return result
    })
    .to(out)
  const harness = new Harness()
  await harness.createTopics(t, 1)
  await harness.produce(inputs, [payments])
  await harness.run(t)
  expect((await harness.read(dead)).length).toBe(2)
  expect((await harness.read(out)).length).toBe(58)
  await harness.close()
})

/** Keys whose schema is not there when a window closes, the first times that it is asked for. */
function lateKeys(): { readonly serde: Serde<string>; readonly asked: () => number } {
  let asked = 0
  let isKnown = false
  const missing = new NotReady('schema 1', async () => {
    await Promise.resolve()
    if (++asked < 3) throw new Error('the registry is down')
    isKnown = true
  })
  const serde: Serde<string> = {
    ...text,
    read(bytes, start, end) {
      if (!isKnown) throw missing
      return text.read(bytes, start, end)
    },
  }
  return { serde, asked: () => asked }
}

test.each([1, 2])('keys that cannot be read yet when windows close: all close later (%i partitions)', async width => {
  const { serde, asked } = lateKeys()
  const source = topic('payments', width === 1 ? serde : text, int64)
  const t = named()
  const stream = t.stream(source)
  const grouped =
    width === 1
      ? stream.groupByKey()
      : stream
          .rekey((_value, key) => key, serde)
          .repartition('again')
          .groupByKey()
  grouped
    .window(tumbling(10))
    .aggregate('per-window', { n: count() })
    .final()
    .map((result: any, key) => `${key} ${result.startMs} ${result.n}`)
    .to(topic('out', width === 1 ? serde : text, any))
  const harness = new Harness()
  await harness.createTopics(t, width)
  // In one partition all is closed by the end, in two by the time behind the repartition topic.
  const given = inputs.map((input, i) => ({ ...input, topic: source, partition: (i >> 1) % width }))
  await harness.produce(width === 1 ? given.slice(0, 10) : given, [source])
  const { scheduler } = harness.world
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> => scheduler.sleep(Math.min(ms, 5), signal)
  await harness.run(t, { world: { ...harness.world, scheduler: { ...scheduler, sleep } } })
  expect(asked()).toBeGreaterThanOrEqual(3)
  const expected = ['k0', 'k1'].flatMap(key =>
    Array.from({ length: width === 1 ? 1 : 6 }, (_, i) => `${key} ${i * 10} 5`),
  )
  expect((await harness.read(out)).map(({ value }) => String(value)).toSorted()).toEqual(expected)
  expect(await harness.read(dead)).toEqual([])
  await harness.close()
})
