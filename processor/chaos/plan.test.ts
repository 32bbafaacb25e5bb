import { expect, test } from 'vitest'
import { UsageError } from '../cli/options.ts'
import { readOptions } from './options.ts'
import { type ActionKind, actionKinds, countsFor, namedReplica, planFor } from './plan.ts'

const size = { replicas: 3, brokers: 3 }

test('whatever the seed: ten minutes have 30 kills, 5 zombies and 5 broker kills at least; two have 8, 1 and 1', () => {
  for (let seed = 0; seed < 300; seed++) {
    for (const brokers of [1, 3]) {
      for (const [minutes, kills, zombies, brokerKills] of [
        [10, 30, 5, 5],
        [2, 8, 1, 1],
      ] as const) {
        const plan = planFor(seed, countsFor(minutes), { replicas: 3, brokers })
        const count = (...kinds: readonly ActionKind[]): number =>
          plan.filter(({ kind }) => kinds.includes(kind)).length
        expect(count('kill', 'killAndDeleteState')).toBeGreaterThanOrEqual(kills)
        expect(count('zombie')).toBeGreaterThanOrEqual(zombies)
        expect(count('replacedZombie')).toBeGreaterThanOrEqual(1)
        expect(count('brokerKill')).toBeGreaterThanOrEqual(brokerKills)
        for (const { kind, target } of plan) {
          const isOfBroker = kind.startsWith('broker')
          expect(target).toBeLessThan(isOfBroker ? brokers : 3)
          if (kind === 'replacedZombie') expect(target).toBe(namedReplica)
        }
      }
    }
  }
})

test('ten minutes are not more than can be done in them', () => {
  const ten = countsFor(10)
  expect(ten).toEqual({
    kill: 26,
    killAndDeleteState: 6,
    zombie: 5,
    replacedZombie: 3,
    brokerKill: 5,
    brokerRestart: 2,
    rollingRestart: 2,
    storm: 3,
  })
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
  expect(readOptions([])).toEqual({
    minutes: 2,
    brokers: 1,
    replicas: 3,
    rate: 2000,
    standbys: 0,
    seed: 1,
    help: false,
  })
  expect(readOptions(['--minutes', '10', '--brokers', '3', '--seed', '9'])).toMatchObject({ minutes: 10, brokers: 3 })
  expect(readOptions(['--help'])).toBeNull()
  expect(() => readOptions(['--brokers', '2'])).toThrow(new UsageError('--brokers 2: give 1 or 3.'))
  expect(() => readOptions(['--minute', '2'])).toThrow('--minutes')
})
