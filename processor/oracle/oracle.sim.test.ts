import { join } from 'node:path'
import { expect, test } from 'vitest'
import { divergences } from './divergences.ts'
import { readGoldens } from './golden.ts'
import { mismatchOf } from './compare.ts'
import { runCase } from './run-case.ts'
import { replayAll } from './tally.ts'

// All goldens of Kafka Streams. What passes may only grow: a case that differs and is not declared fails this test, and
// so does one whose operator is not in this list. Who builds one takes it off the list, and its cases count from
// then on; who gets cases right raises `passing`.

const notBuilt = [
  'cogroup',
  'foreign-key joins',
  'global tables',
  'groupBy of a table',
  'stream-stream joins',
  'suppress until a time limit',
  'versioned tables',
  'waiting for empty inputs (max.task.idle.ms)',
]
const passing = 1314

const files = readGoldens(join(import.meta.dirname, 'cases'))

test('the goldens are all there', () => {
  expect(files.length).toBe(32)
  expect(files.reduce((sum, { cases }) => sum + cases.length, 0)).toBe(2261)
  const ids = files.flatMap(({ cases }) => cases.map(({ id }) => id))
  expect(new Set(ids).size).toBe(ids.length)
})

test('what is built gives what Kafka Streams gives, or what is declared', { timeout: 120_000 }, async () => {
  const tally = await replayAll(files)
  expect(tally.wrong).toEqual([])
  expect([...tally.notBuilt.keys()].toSorted()).toEqual(notBuilt)
  expect(tally.passed).toBeGreaterThanOrEqual(passing)
  // A divergence that shows nowhere is none.
  expect([...tally.declared.keys()].toSorted()).toEqual(divergences.map(({ name }) => name).toSorted())
})

test.each(divergences)('what is declared as $name is what ours does', async ({ golden, isRefused }) => {
  const mismatch = mismatchOf(golden, golden, await runCase(golden))
  if (isRefused === true) expect(mismatch?.what).toMatch(/^refused when defined: /)
  else expect(mismatch).toBe(null)
})
