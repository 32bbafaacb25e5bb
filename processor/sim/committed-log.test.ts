import { expect, test } from 'vitest'
import { PartitionLog } from '../embedded/log.ts'
import { batch, texts } from '../embedded/testing.ts'
import { readCommitted } from './committed-log.ts'

function written(...steps: readonly (readonly [producerId: number, what: 'records' | 'commit' | 'abort'])[]) {
  const log = new PartitionLog('t', 0)
  for (const [producerId, what] of steps) {
    if (what !== 'records') log.mark(producerId, 0, what === 'commit', 0)
    else {
      const bytes = batch({ producerId, epoch: 0, sequence: 0, transactional: true, records: texts('a', 'b') })
      log.append(bytes, { maxBatchBytes: 1 << 20, strict: true, admit: () => 0 })
    }
  }
  return readCommitted(log)
}

test('what is committed is what a marker says', () => {
  const { records, abortedRecords, open } = written(
    [1, 'records'],
    [2, 'records'],
    [3, 'records'],
    [1, 'commit'],
    [2, 'abort'],
  )
  expect(records.map(({ offset }) => offset)).toEqual([0, 1])
  expect(abortedRecords).toBe(2)
  expect(open).toEqual([3])
})

test('committed transactions that were open at the same time are found, aborted ones are no matter', () => {
  expect(written([1, 'records'], [1, 'commit'], [2, 'records'], [2, 'commit']).overlaps).toEqual([])
  expect(written([1, 'records'], [2, 'records'], [1, 'abort'], [2, 'commit']).overlaps).toEqual([])
  expect(written([1, 'records'], [2, 'records'], [1, 'commit'], [2, 'commit']).overlaps).toEqual([2])
  expect(written([1, 'records'], [2, 'records'], [2, 'commit'], [1, 'commit']).overlaps).toEqual([2])
})
