import { expect, test } from 'vitest'
import { run } from './run.ts'
import { workloadNames } from './workloads/all.ts'

// A few seeds of each workload; `npm run sim` runs many.

const seeds = [1, 2, 3, 4]

test.each(workloadNames)('%s keeps every invariant under faults', async workload => {
  for (const seed of seeds) {
    const { failures, counts } = await run(seed, { forced: { workload } })
    expect({ seed, failures }).toEqual({ seed, failures: [] })
    expect(counts.get('results compared')).toBeGreaterThan(0)
  }
})

test('the same seed is the same run', async () => {
  const [first, second, other] = [await run(5), await run(5), await run(6)]
  expect(second).toEqual(first)
  expect(other.hash).not.toBe(first.hash)
})
