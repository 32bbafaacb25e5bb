import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { murmur2, partitionOf } from './murmur2.ts'

const int64 = Buffer.alloc(8)
int64.writeBigInt64BE(42n)

// Computed by Java's Utils.murmur2: key, hash, partition of 10, partition of 12.
const vectors: readonly (readonly [Buffer, number, number, number])[] = [
  [Buffer.from(''), 275646681, 1, 9],
  [Buffer.from('a'), -1563381124, 4, 4],
  [Buffer.from('ab'), 316155434, 4, 2],
  [Buffer.from('abc'), 479470107, 7, 3],
  [Buffer.from('abcd'), -1323649548, 0, 8],
  [Buffer.from('card-1'), 830907359, 9, 11],
  [Buffer.from('card-42'), -1180489753, 5, 7],
  [Buffer.from('4111111111111111'), 1202103843, 3, 3],
  [Buffer.from('é'), 186971271, 1, 3],
  [Buffer.from('kafka'), -798503068, 0, 4],
  [int64, 506863552, 2, 4],
]

test.each(vectors)('%s is hashed and placed as by Java', (key, hash, of10, of12) => {
  expect(murmur2(key)).toBe(hash)
  expect([partitionOf(key, 0, key.length, 10), partitionOf(key, 0, key.length, 12)]).toEqual([of10, of12])
})

test('a range is hashed like the same bytes alone', () => {
  const bytes = Buffer.from('xxcard-42yyy')
  expect(murmur2(bytes, 2, 9)).toBe(-1180489753)
  expect(partitionOf(bytes, 2, 9, 10)).toBe(5)
})
