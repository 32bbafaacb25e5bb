import { expect, test } from 'vitest'
import { decodeHeaders, encodeHeaders, type HeaderEntry } from './headers.ts'

const headers: readonly HeaderEntry[] = [
  { name: 'a', value: Buffer.from('1') },
  { name: 'längere', value: Buffer.alloc(200, 7) },
  { name: 'a', value: null },
  { name: '', value: Buffer.alloc(0) },
]

test('headers come back as they were, wherever the block stands', () => {
  const block = encodeHeaders(headers)
  expect(decodeHeaders(block, 0, block.length)).toEqual(headers)
  const within = Buffer.concat([Buffer.from([9, 9]), block, Buffer.from([9])])
  expect(decodeHeaders(within, 2, within.length - 1)).toEqual(headers)
  expect(decodeHeaders(block, 0, 0)).toEqual([])
  expect(decodeHeaders(encodeHeaders([]), 0, 1)).toEqual([])
})

test('a block that is cut gives the headers that are whole, and comes to an end', () => {
  const block = encodeHeaders(headers)
  let most = 0
  for (let end = 0; end < block.length; end++) {
    // The bytes behind it are not its own, and may be missing.
    for (const bytes of [block, block.subarray(0, end)]) {
      const found = decodeHeaders(bytes, 0, end)
      expect(found).toEqual(headers.slice(0, found.length))
      expect(found.length).toBeGreaterThanOrEqual(most)
      most = found.length
    }
  }
  expect(most).toBe(3)
})

test('values are copies: what they were read from may be written over', () => {
  const block = encodeHeaders([{ name: 'a', value: Buffer.from('1') }])
  const [header] = decodeHeaders(block, 0, block.length)
  block.fill(0)
  expect(header).toEqual({ name: 'a', value: Buffer.from('1') })
})
