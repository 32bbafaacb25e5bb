import { expect, test } from 'vitest'
import { bufferPool } from '../../schemas/buffer-pool.ts'
import { RowBytes, SharedBytes } from './row-bytes.ts'

test('ranges by row; a deletion has the size 0; rows beyond the first thousand', () => {
  const bytes = new RowBytes()
  const shared = new SharedBytes(Buffer.from('abcdef'))
  bytes.set(5, 2, 4)
  bytes.hold(5, shared)
  bytes.set(5000, 3, -1)
  bytes.hold(5000, shared)
  expect([bytes.start(5), bytes.end(5), bytes.size(5)]).toEqual([2, 4, 2])
  expect(bytes.buffer(5)).toBe(shared.bytes)
  expect([bytes.end(5000), bytes.size(5000)]).toEqual([-1, 0])
})

test('a row is taken over from another; bytes go back to the pool when the last row has let go of them', () => {
  const [from, to] = [new RowBytes(), new RowBytes()]
  const [first, second] = [new SharedBytes(bufferPool.take(4096)), new SharedBytes(bufferPool.take(4096))]
  const held = bufferPool.heldBytes
  for (const row of [2000, 7]) {
    to.set(row, 0, 6)
    to.hold(row, first)
    from.set(row, 1, 3)
    from.hold(row, second)
  }
  to.take(2000, from)
  expect([to.start(2000), to.end(2000)]).toEqual([1, 3])
  expect(to.buffer(2000)).toBe(second.bytes)
  expect(bufferPool.heldBytes).toBe(held)
  to.clear(7)
  expect(bufferPool.heldBytes).toBe(held + 4096)
  to.clear(2000)
  to.clear(9999)
  from.clear(2000)
  expect(bufferPool.heldBytes).toBe(held + 4096)
  from.clear(7)
  from.clear(7)
  expect(bufferPool.heldBytes).toBe(held + 8192)
})
