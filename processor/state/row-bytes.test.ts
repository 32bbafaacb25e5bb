import { expect, test } from 'vitest'
import { RowBytes } from './row-bytes.ts'

test('ranges by row; a deletion has the size 0; rows beyond the first thousand', () => {
  const bytes = new RowBytes()
  const buffer = Buffer.from('abcdef')
  bytes.set(5, 2, 4)
  bytes.setBuffer(5, buffer)
  bytes.set(5000, 3, -1)
  bytes.setBuffer(5000, buffer)
  expect([bytes.start(5), bytes.end(5), bytes.size(5)]).toEqual([2, 4, 2])
  expect(bytes.buffer(5)).toBe(buffer)
  expect([bytes.end(5000), bytes.size(5000)]).toEqual([-1, 0])
})

test('a row is taken over from another, which lets go of the buffer', () => {
  const [from, to] = [new RowBytes(), new RowBytes()]
  const buffer = Buffer.from('abcdef')
  from.set(2000, 1, 3)
  from.setBuffer(2000, buffer)
  to.set(2000, 0, 6)
  to.take(2000, from)
  expect([to.start(2000), to.end(2000)]).toEqual([1, 3])
  expect(to.buffer(2000)).toBe(buffer)
  expect(from.buffer(2000).length).toBe(0)
  to.clear(2000)
  expect(to.buffer(2000).length).toBe(0)
  to.clear(9999)
})
