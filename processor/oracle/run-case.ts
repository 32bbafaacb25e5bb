import type { Buffer } from 'node:buffer'
import { text } from '../../schemas/serdes.ts'
import { type Topic, topic } from '../../schemas/topic.ts'
import { compile } from '../../topology/compile.ts'
import { TopologyError } from '../../topology/errors.ts'
import type { Topology } from '../../topology/stream.ts'
import { createTestDriver, type TopologyTestDriver } from '../testing/driver.ts'
import type { Case, Result, Row } from './golden.ts'
import { topologyOf } from './topologies.ts'

const plain = (name: string): Topic<any, any> => topic(name, text, text)

/** The step of an error: the definition was refused, before any step. */
export const refusedStep = -1

/** Runs a case through our engine. Throws only for one that cannot be run: `NotBuilt`, an unknown topology. */
export async function runCase(test: Case): Promise<Result> {
  const rows: Row[] = []
  let step = -1
  const failed = (error: unknown): Result => ({
    error: error instanceof Error ? error.message : String(error),
    errorStep: step,
    out: rows,
  })
  let t: Topology
  try {
    t = topologyOf(test)
  } catch (error) {
    if (!(error instanceof TopologyError)) throw error
    return { error: error.message, errorStep: refusedStep, out: [] }
  }
  const compiled = compile(t)
  let driver: TopologyTestDriver
  try {
    driver = await createTestDriver(t)
    const outputs = compiled.outputs.map(({ name }) => name).toSorted()
    for (const given of test.steps) {
      step++
      if ('wall' in given) {
        if (given.wall > 0) driver.advanceWallClock(given.wall)
      } else {
        const headers = (given.headers ?? []).map(([name, value]) => ({ name, value }))
        driver.input(plain(given.topic)).pipe(given.key, given.value, given.ts, { headers })
      }
      for (const name of outputs) rows.push(...drain(driver, name, step))
    }
  } catch (error) {
    return failed(error)
  }
  return { out: rows, dropped: droppedOf(driver, new Set(compiled.repartitions.map(({ name }) => name))) }
}

function drain(driver: TopologyTestDriver, name: string, step: number): Row[] {
  return driver
    .output(plain(name))
    .readAll()
    .map(({ key, value, timestamp, headers }): Row => {
      const row = [step, name, shown(key), shown(value), timestamp] as const
      return headers.length === 0 ? row : [...row, headers.map(header => [header.name, shown(header.value)!] as const)]
    })
}

/** Text, or the bytes of one. */
const shown = (value: Buffer | string | null): string | null => (value === null ? null : value.toString())

/**
 * Our counts as Kafka Streams counts: a record that no window took counts by its windows, and one without a key that is
 * dropped before a repartition topic does not count.
 */
function droppedOf(driver: TopologyTestDriver, repartitions: ReadonlySet<string>): number {
  const counted = driver.dropped.filter(
    ({ step, reason }) => reason !== 'late' && !(reason === 'null-key' && repartitions.has(step)),
  )
  return counted.reduce((sum, { count }) => sum + count, 0) + driver.rejected.length
}
