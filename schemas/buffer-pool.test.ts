import { expect, test } from 'vitest'
import { BufferPool } from './buffer-pool.ts'

test('a buffer is at least as large as asked for, and one that was given back comes again', () => {
  const pool = new BufferPool()
  for (const size of [0, 1, 1023, 1024, 1025, 70_000, 1 << 20, (1 << 20) + 1])
    expect(pool.take(size).length).toBeGreaterThanOrEqual(size)
  const bytes = pool.take(5000)
  expect(bytes.length).toBe(8192)
  pool.give(bytes)
  expect(pool.heldBytes).toBe(8192)
  expect(pool.take(4096)).not.toBe(bytes)
  expect(pool.take(4097)).toBe(bytes)
  expect(pool.heldBytes).toBe(0)
  expect(pool.take(4097)).not.toBe(bytes)
})

test('no more than so much is kept, and nothing of another size', () => {
  const pool = new BufferPool(10_000)
  pool.give(Buffer.allocUnsafeSlow(8192))
  pool.give(Buffer.allocUnsafeSlow(8192))
  pool.give(Buffer.allocUnsafeSlow(1500))
  pool.give(Buffer.allocUnsafeSlow(512))
  pool.give(Buffer.allocUnsafeSlow(0))
  expect(pool.heldBytes).toBe(8192)
})
