import { expect, test } from 'vitest'
import type { Golden, Result, Row } from './golden.ts'
import { parseGoldens } from './golden.ts'
import { oracleOptions } from './options.ts'
import { replay } from './replay.ts'
import { runCase } from './run-case.ts'

// The oracle notices what is wrong. An engine that is wrong on purpose stands in the place of ours.

const golden = (rest: Partial<Golden> = {}): Golden => ({
  id: 'case',
  topology: 'group',
  params: { op: 'count' },
  steps: [
    { topic: 'in', key: 'A', value: 'a', ts: 5 },
    { topic: 'in', key: 'A', value: null, ts: 6 },
    { topic: 'in', key: 'B', value: 'b', ts: 7, headers: [['trace', 'x']] },
  ],
  out: [
    [0, 'out', 'A', '1', 5],
    [2, 'out', 'B', '1', 7, [['trace', 'x']]],
  ],
  dropped: 1,
  ...rest,
})

/** Our result with something done to it. */
const spoiled = (spoil: (result: Result) => Partial<Result>) => async (test: Golden) => {
  const result = await runCase(test)
  return { ...result, ...spoil(result) }
}

const why = async (given: Golden, spoil: (result: Result) => Partial<Result>): Promise<string> => {
  const verdict = await replay(given, spoiled(spoil))
  return verdict.kind === 'failed' ? verdict.why : verdict.kind
}

test('what is the same passes', async () => {
  expect(await replay(golden())).toEqual({ kind: 'passed' })
})

test('a row, its time, its header, its place, a drop: each is noticed', async () => {
  const [first, second] = golden().out as [Row, Row]
  expect(await why(golden(), () => ({ out: [first] }))).toContain('got       nothing')
  expect(await why(golden(), () => ({ out: [[0, 'out', 'A', '1', 6], second] }))).toContain('got       out A=1@6')
  expect(await why(golden(), () => ({ out: [first, [2, 'out', 'B', '1', 7]] }))).toContain('got       out B=1@7')
  expect(await why(golden(), () => ({ out: [first, [1, 'out', 'B', '1', 7]] }))).toContain('expected  nothing')
  expect(await why(golden(), () => ({ out: [first, first, second] }))).toContain('got       out A=1@5  out A=1@5')
  expect(await why(golden(), () => ({ dropped: 0 }))).toContain('dropped: expected 1, got 0')
  expect(await why(golden(), () => ({ error: 'it broke', errorStep: 1 }))).toContain(
    'expected: does not fail; got: fails (it broke)',
  )
})

test('the input is shown up to the step that shows the mismatch, and no further', async () => {
  expect(await why(golden(), () => ({ out: [[0, 'out', 'A', '2', 5]] }))).toBe(
    ['case: group {"op":"count"}: rows', '    0  in A=a@5', '  expected  out A=1@5', '  got       out A=2@5'].join(
      '\n',
    ),
  )
})

test('an error is compared by its step', async () => {
  const failing = golden({
    topology: 'dlq',
    params: {},
    steps: [{ topic: 'in', key: 'A', value: '!x', ts: 1 }],
    out: [],
  })
  const { dropped: _, ...rest } = failing
  expect(await replay({ ...rest, error: 'theirs', errorStep: 0 })).toEqual({ kind: 'passed' })
  expect(await replay({ ...rest, error: 'theirs', errorStep: 1 })).toMatchObject({ kind: 'failed' })
})

test('what RocksDB stores give is what counts', async () => {
  expect(await replay(golden({ dropped: 9, rocksdb: { dropped: 1 } }))).toEqual({ kind: 'passed' })
})

test('a tag excuses what is declared, and nothing else', async () => {
  const lost = golden({
    topology: 'tumbling',
    params: { size: 10, grace: 0, emit: 'final' },
    steps: [
      { topic: 'in', key: 'A', value: 'a', ts: 1 },
      { topic: 'in', key: 'B', value: 'b', ts: 100 },
    ],
    out: [],
    dropped: 0,
  })
  expect(await replay(lost)).toMatchObject({ kind: 'failed' })
  expect(await replay({ ...lost, tags: ['final-lost'] })).toEqual({ kind: 'declared', by: 'final-lost' })
  const theirs: Row = [1, 'out', 'A@0/10', 'other', 1]
  expect(await why({ ...lost, tags: ['final-lost'], out: [theirs] }, () => ({}))).toContain(
    `compared loosely, as 'final-lost' is declared: ours lack`,
  )
  expect(await why({ ...lost, tags: ['final-lost'] }, () => ({ error: 'it broke', errorStep: 1 }))).toContain(
    'an error at step 1',
  )
})

test('a missing operator is a failure that says so', async () => {
  expect(await replay(golden({ topology: 'fk-join' }))).toEqual({
    kind: 'failed',
    why: 'case: operator not built: foreign-key joins',
    notBuilt: 'foreign-key joins',
  })
  expect(await replay(golden({ topology: 'nonsense' }))).toMatchObject({
    why: "case: There is no topology 'nonsense'.",
    notBuilt: null,
  })
})

test('files that are no goldens are refused with their place', () => {
  expect(() => parseGoldens('{"id":"a"}\n', 'file')).toThrow("file:1 has no 'topology'.")
  expect(() => parseGoldens('\n{', 'file')).toThrow('file:2 is no JSON')
})

test('options', () => {
  expect(oracleOptions(['--only', 'group', '--show', '0'])).toMatchObject({ only: 'group', show: 0, live: null })
  expect(oracleOptions(['--live', '5']).live).toEqual({ count: 5, seed: 1, harness: '../shared/oracle' })
  expect(() => oracleOptions(['--live', 'x'])).toThrow("--live is 'x'. Give a whole number of at least 1.")
  expect(() => oracleOptions(['--seed', '2'])).toThrow('add --live N')
  expect(() => oracleOptions(['--cases', 'a', '--case', 'b'])).toThrow('one of them')
})
