import { expect, test } from 'vitest'
import { UsageError } from '../cli/options.ts'
import { readOptions } from './options.ts'
import { actionKinds, countsFor, planFor } from './plan.ts'

const size = { replicas: 3, brokers: 3 }

test('ten minutes have at least 30 kills, 5 zombies and 5 broker kills; two have 8, 1 and 1', () => {
  const [ten, two] = [countsFor(10), countsFor(2)]
  expect(ten.kill + ten.killAndDeleteState).toBe(40)
  expect(ten).toMatchObject({ zombie: 5, brokerKill: 5, brokerRestart: 2, rollingRestart: 2, storm: 3 })
  expect(two.kill + two.killAndDeleteState).toBe(8)
  expect(two).toMatchObject({ zombie: 1, brokerKill: 1 })
})

test('the plan has all that was asked for, and follows from the seed', () => {
  const counts = countsFor(10)
  const plan = planFor(7, counts, size)
  for (const kind of actionKinds) expect(plan.filter(action => action.kind === kind).length).toBe(counts[kind])
  expect(new Set(plan.map(({ target }) => target))).toEqual(new Set([0, 1, 2]))
  expect(planFor(7, counts, size)).toEqual(plan)
  expect(planFor(8, counts, size)).not.toEqual(plan)
})

test('a single broker is the only one to be killed', () => {
  const plan = planFor(1, countsFor(10), { replicas: 3, brokers: 1 })
  expect(plan.filter(({ kind }) => kind.startsWith('broker')).every(({ target }) => target === 0)).toBe(true)
})

test('the command line', () => {
  expect(readOptions([])).toEqual({ minutes: 2, brokers: 1, replicas: 3, rate: 2000, seed: 1, help: false })
  expect(readOptions(['--minutes', '10', '--brokers', '3', '--seed', '9'])).toMatchObject({ minutes: 10, brokers: 3 })
  expect(readOptions(['--help'])).toBeNull()
  expect(() => readOptions(['--brokers', '2'])).toThrow(new UsageError('--brokers 2: give 1 or 3.'))
  expect(() => readOptions(['--minute', '2'])).toThrow('--minutes')
})
