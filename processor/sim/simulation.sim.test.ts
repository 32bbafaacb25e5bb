import { expect, test } from 'vitest'
import { Batch } from './batch.ts'
import { run } from './run.ts'

const seeds = 300
/** Of a processor: on a machine with other work it takes longer. */
const mostSeconds = 300

test(
  `${seeds} seeds keep every invariant under faults, and meet all that they must`,
  { timeout: 1_800_000 },
  async () => {
    const batch = new Batch()
    const before = process.cpuUsage()
    for (let seed = 1; seed <= seeds; seed++) batch.add(await run(seed))
    const { user, system } = process.cpuUsage(before)
    const { failed, vacuous } = batch.result()
    expect(failed.map(({ seed, failures }) => ({ seed, failures }))).toEqual([])
    expect(vacuous).toEqual([])
    expect((user + system) / 1e6).toBeLessThan(mostSeconds)
  },
)

test('the same seed is the same run', async () => {
  const [first, second, other] = [await run(5), await run(5), await run(6)]
  expect(second).toEqual(first)
  expect(other.hash).not.toBe(first.hash)
})
