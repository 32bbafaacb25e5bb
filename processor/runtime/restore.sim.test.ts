import { describe, expect, test } from 'vitest'
import { int64, json, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { over, prior } from '../../topology/aggregates.ts'
import { count, sum } from '../../topology/counting.ts'
import { list } from '../../topology/picking.ts'
import type { Plan } from '../../topology/plan.ts'
import { max } from '../../topology/statistics.ts'
import { keyValueState, windowState } from '../../topology/state.ts'
import { topology } from '../../topology/stream.ts'
import { hopping, tumbling } from '../../topology/windows.ts'
import { seeded } from '../operators/testing.ts'
import type { Input, Output } from '../testing/harness.ts'
import { type Ending, type Run, runOver, type Scenario } from '../testing/restarts-testing.ts'
import { commitSteps, type Step } from './commit.ts'

// Each stateful operator, interrupted after every commit in every way there is, gives what it gives uninterrupted.

const any = json<any>('any', value => value)
const payments = topic('payments', text, int64)
const names = topic('names', text, text)
const out = topic('out', text, any)

/** Payments of a few keys, some of them out of order: a little, and by more than any grace here. */
const random = seeded(42)
const inputs: readonly Input[] = Array.from({ length: 200 }, (_, i) => ({
  topic: payments,
  key: `k${Math.floor(random() * 7)}`,
  value: i,
  timestamp: Math.max(0, i * 3 - (random() < 0.3 ? Math.floor(random() * 60) : 0)),
}))

const scenario = (build: (t: ReturnType<typeof topology>) => void, rest: Partial<Scenario> = {}): Scenario => ({
  topology() {
    const t = topology('app')
    build(t)
    return t as { readonly plan: Plan }
  },
  partitions: 2,
  inputs,
  ends: [payments],
  output: out,
  ...rest,
})

const spec = { n: count<number>(), total: sum((value: number) => value) }

/** Remembers the last value of each key, and how many came in each slot of 50 ms. */
const userState = scenario(t =>
  t
    .stream(payments)
    .process('remember', {
      stores: {
        last: keyValueState('last', text, int64),
        slots: windowState('slots', text, int64, { retentionMs: 100 }),
      },
      create: context => ({
        process({ key, value, timestamp }) {
          const last = context.store('last')
          const slots = context.store('slots')
          const slot = Math.floor(timestamp / 50) * 50
          const inSlot = slots.get(key, slot) ?? 0
          slots.put(key, slot, inSlot + 1)
          context.forward(key, [last.get(key) ?? -1, inSlot, slots.get(key, slot - 100) ?? -1] as any, timestamp)
          if (value % 10 === 0) last.delete(key)
          else last.put(key, value)
        },
      }),
    })
    .map(value => value as any)
    .to(out),
)

const scenarios: Readonly<Record<string, Scenario>> = {
  aggregate: scenario(t => t.stream(payments).groupByKey().aggregate('totals', spec).changes().to(out)),
  'tumbling, changes': scenario(t =>
    t
      .stream(payments)
      .groupByKey()
      .window(tumbling('20ms', { grace: '15ms' }))
      .aggregate('w', spec)
      .changes()
      .to(out),
  ),
  'hopping, final': scenario(t =>
    t
      .stream(payments)
      .groupByKey()
      .window(hopping('20ms', { every: '8ms', grace: '15ms' }))
      .aggregate('w', spec)
      .final()
      .to(out),
  ),
  trailing: scenario(t =>
    t
      .stream(payments)
      .groupByKey()
      .trailing(
        'events',
        { grace: '15ms', event: int64 },
        {
          n: over('50ms', count()),
          highest: prior(
            '80ms',
            max((value: number) => value),
          ),
          all: over('30ms', list<number>()),
        },
      )
      .changes()
      .map(value => value as any)
      .to(out),
  ),
  lateness: scenario(t => {
    const { onTime, late } = t.stream(payments).lateness('judge', { grace: '20ms' })
    onTime.map(value => ({ value }) as any).to(out)
    late.map(value => ({ late: value }) as any).to(out)
  }),
  'table and join': scenario(
    t =>
      t
        .stream(payments)
        .leftJoin(t.table(names), (value, name) => ({ value, name }))
        .map(value => value as any)
        .to(out),
    {
      inputs: inputs.flatMap((input, i): Input[] =>
        i % 5 === 0
          ? [{ topic: names, key: input.key, value: i % 15 === 0 ? null : `n${i}`, timestamp: input.timestamp }, input]
          : [input],
      ),
      ends: [payments, names],
    },
  ),
  'user stores': userState,
}

const committed = (): Step => 'committed'
/** Kill points in turn; batches go to disk after each commit, so that those of storing are met. */
const points = commitSteps.filter(step => step !== 'sending' && step !== 'closing')
const endings: Readonly<Record<string, Ending>> = {
  'stopped, state kept': { by: 'stop', at: committed, state: 'kept' },
  'stopped, state deleted': { by: 'stop', at: committed, state: 'deleted' },
  'killed, state kept': { by: 'kill', at: committed, state: 'kept' },
  'killed, state deleted': { by: 'kill', at: committed, state: 'deleted' },
  'killed at every step': {
    by: 'kill',
    at: process => points[process % points.length]!,
    state: 'kept',
    options: { flushAgeMs: 0 },
  },
  'killed, with room for nothing in memory': {
    by: 'kill',
    at: committed,
    state: 'kept',
    options: { flushAgeMs: 0, cacheBytes: 0 },
  },
}

const show = ({ key, value, timestamp, partition }: Output): string =>
  `${partition} ${String(key)} ${JSON.stringify(value)} @${timestamp}`

/** How much is read from the changelogs at each start. */
function checkRestored(ending: Ending, run: Run): void {
  const { by, state, options } = ending
  expect(run.restored[0]).toMatchObject({ records: 0, committed: 0 })
  for (const { records, committed: all, previous } of run.restored.slice(1)) {
    if (state === 'deleted') expect(records).toBe(all)
    else if (by === 'stop') expect(records).toBe(0)
    // Restored state is on disk at once: what the process before committed is missing.
    else if (options === undefined) expect(records).toBe(all - previous)
    else expect(records).toBeLessThanOrEqual(all)
  }
}

describe.each(Object.entries(scenarios))('%s', (_, each) => {
  let expected: readonly string[] | null = null
  test.each(Object.entries(endings))('%s', async (_name, ending) => {
    expected ??= (await runOver(each, null)).outputs.map(show)
    expect(expected.length).toBeGreaterThan(30)
    const run = await runOver(each, ending)
    expect(run.restored.length).toBeGreaterThan(3)
    expect(run.outputs.map(show)).toEqual(expected)
    checkRestored(ending, run)
  })
})

// Behind a repartition topic the order of results follows the interleaving of its writers; the results do not.
describe.each([false, true])('behind a repartition topic, combined: %s', combine => {
  const behind = scenario(
    t =>
      t
        .stream(payments)
        .groupBy(value => `g${value % 3}`, text, int64)
        .window(tumbling('30ms', { grace: '200ms' }))
        .aggregate('w', spec, { combine })
        .final()
        .to(out),
    { partitions: 3 },
  )
  let expected: readonly string[] | null = null
  test.each(Object.entries(endings))('%s', async (_name, ending) => {
    expected ??= (await runOver(behind, null)).outputs.map(show).toSorted()
    expect(expected.length).toBe(
      new Set(inputs.map(({ value, timestamp }) => `${(value as number) % 3} ${Math.floor(timestamp / 30)}`)).size,
    )
    const run = await runOver(behind, ending)
    expect(run.restored.length).toBeGreaterThan(3)
    expect(run.outputs.map(show).toSorted()).toEqual(expected)
    checkRestored(ending, run)
  })
})
