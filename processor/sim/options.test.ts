import { expect, test } from 'vitest'
import { Batch } from './batch.ts'
import { simOptions } from './options.ts'
import { missing } from './required.ts'

test.each([
  [[], { first: 1, last: 300, isReplay: false, jobs: 1 }],
  [['--seeds', '20'], { first: 1, last: 20 }],
  [['--seeds', '7..9', '--jobs', '2'], { first: 7, last: 9, jobs: 2 }],
  [['--seed', '42', '--quiet'], { first: 42, last: 42, isReplay: true, quiet: true }],
  [['--topology', 'join', '--fault', 'kill', '--fault', 'loss'], { workload: 'join', faults: ['kill', 'loss'] }],
])('%j', (args, expected) => {
  expect(simOptions(args)).toMatchObject(expected)
})

test.each([
  [['--seeds', '0'], "'0' is no whole number of at least 1."],
  [['--fault', 'fire'], "'fire' is none of kill, "],
  [['--sedes', '3'], "Unknown option '--sedes'"],
])('%j is refused', (args, message) => {
  expect(() => simOptions(args)).toThrow(message)
})

test('a batch in which something was never met is vacuous', () => {
  expect(missing(10, () => 1)).toEqual([])
  expect(missing(10, name => (name === 'restores' ? 0 : 1))).toEqual(['restores'])
  expect(missing(10, name => (name === 'zombies refused' ? 0 : 1))).toEqual([])
  expect(missing(100, name => (name === 'zombies refused' ? 0 : 1))).toEqual(['zombies refused'])
})

test('a batch adds up what its seeds met, and keeps those that failed', () => {
  const batch = new Batch()
  const result = { swarm: {} as never, hash: '', virtualMs: 0, events: 0 }
  batch.add({ ...result, seed: 2, failures: ['broken'], counts: new Map([['restores', 1]]) })
  batch.add({ ...result, seed: 1, failures: [], counts: new Map([['restores', 2]]) })
  const { passed, failed, counts, vacuous } = batch.result()
  expect([passed, failed.map(({ seed }) => seed), counts.get('restores')]).toEqual([1, [2], 3])
  expect(vacuous).toContain('late records')
  expect(vacuous).not.toContain('restores')
})
