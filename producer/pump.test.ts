import { expect, test } from 'vitest'
import { sourceFeed, type Emission } from './emission.ts'
import { drill, drillEmissions } from './profiles/drill.ts'
import { pump, type PumpOptions } from './pump.ts'
import type { Sink } from './sink.ts'
import { StillTime } from './testing/fakes.ts'

class Snitch implements Sink {
  readonly batches: { readonly atMs: number; readonly emissions: readonly Emission[] }[] = []
  finished: { endMarks: boolean } | null = null
  readonly #time: StillTime
  readonly #costMs: number

  constructor(time: StillTime, costMs = 0) {
    this.#time = time
    this.#costMs = costMs
  }

  send(emissions: readonly Emission[]): Promise<void> {
    this.batches.push({ atMs: this.#time.timeMs, emissions })
    this.#time.timeMs += this.#costMs
    return Promise.resolve()
  }

  finish(options: { endMarks: boolean }): Promise<void> {
    this.finished = options
    return Promise.resolve()
  }

  close = (): Promise<void> => Promise.resolve()
}

function run(count: number | null, options: Partial<PumpOptions>, costMs = 0) {
  const time = new StillTime()
  const sink = new Snitch(time, costMs)
  const feed = sourceFeed('drill', drill(), count)
  const result = pump({ feed, sink, clock: time, scheduler: time, ratePerSecond: null, ...options })
  return { time, sink, result }
}

test('everything arrives, in order, and then the end is marked', async () => {
  const { sink, result } = run(null, { endMarks: true, batchSize: 1000 })
  expect(await result).toMatchObject({ records: 11_734, complete: true })
  expect(sink.batches.flatMap(({ emissions }) => emissions)).toEqual(drillEmissions())
  expect(sink.finished).toEqual({ endMarks: true })
})

test('a count cuts the feed', async () => {
  const { sink, result } = run(10, {})
  expect(await result).toMatchObject({ records: 10, complete: true })
  expect(sink.finished).toEqual({ endMarks: false })
})

test('the rate is kept, also by a sink that takes its time', async () => {
  for (const costMs of [0, 35]) {
    const { time, sink, result } = run(500, { ratePerSecond: 100 }, costMs)
    await result
    expect(time.timeMs).toBeGreaterThanOrEqual(4980)
    expect(time.timeMs).toBeLessThan(5060)
    let sent = 0
    for (const { atMs, emissions } of sink.batches) {
      sent += emissions.length
      expect(sent).toBeLessThanOrEqual(1 + atMs / 10)
    }
  }
})

test('less than one record a second is possible', async () => {
  const { time, result } = run(4, { ratePerSecond: 0.5 })
  await result
  expect(time.timeMs).toBeGreaterThanOrEqual(6000)
  expect(time.timeMs).toBeLessThan(8100)
})

test('a signal stops it after the batch under way, without end marks', async () => {
  const controller = new AbortController()
  const { sink, result } = run(null, {
    batchSize: 100,
    endMarks: true,
    signal: controller.signal,
    onBatch: (_, { records }) => {
      if (records === 300) controller.abort()
    },
  })
  expect(await result).toMatchObject({ records: 300, complete: false })
  expect(sink.finished).toBeNull()
})

test('a rate of nothing is refused', async () => {
  await expect(run(1, { ratePerSecond: 0 }).result).rejects.toThrow('The rate is 0 records/s; it must be above 0.')
})
