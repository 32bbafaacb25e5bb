import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChunkLists, readChunkList, splitChunkList, writeChunkList } from './chunk-lists.ts'

const anyList = fc
  .uniqueArray(fc.oneof(fc.integer({ min: -5000, max: 5000 }), fc.maxSafeInteger()), { maxLength: 40 })
  .map(numbers => numbers.toSorted((a, b) => a - b))
  // A distance is at most what a safe integer holds.
  .filter(numbers => numbers.length === 0 || Number.isSafeInteger(numbers.at(-1)! - numbers[0]!))

test('a list comes back as it was written, pushed one by one or taken back from disk', () => {
  fc.assert(
    fc.property(fc.array(anyList, { maxLength: 8 }), fc.nat(40), (rows, taken) => {
      const lists = new ChunkLists()
      for (const [row, numbers] of rows.entries()) lists.load(row, writeChunkList(numbers.slice(0, taken)))
      for (let at = taken; at < 40; at++) {
        for (const [row, numbers] of rows.entries()) if (at < numbers.length) lists.push(row, numbers[at]!)
        lists.tidy()
      }
      for (const [row, numbers] of rows.entries()) {
        expect(readChunkList(lists.encoded(row))).toEqual(numbers)
        expect(lists.encoded(row)).toEqual(writeChunkList(numbers))
        expect(lists.last(row)).toBe(numbers.at(-1) ?? NaN)
      }
    }),
  )
})

test('numbers go from the front of a list, and the rest is a list', () => {
  fc.assert(
    fc.property(anyList, fc.nat(40), (numbers, most) => {
      const { gone, kept } = splitChunkList(writeChunkList(numbers), (_number, before) => before < most)
      expect(gone).toEqual(numbers.slice(0, most))
      expect(kept).toEqual(writeChunkList(numbers.slice(most)))
    }),
  )
})

test('a row that was freed is empty, and takes no memory', () => {
  const lists = new ChunkLists()
  lists.load(0, writeChunkList([4, 5, 9]))
  lists.free(0)
  expect(lists.bytes).toBe(0)
  expect(lists.encoded(0)).toEqual(Buffer.alloc(0))
  lists.load(0, Buffer.alloc(0))
  expect(lists.last(0)).toBe(NaN)
})

test('numbers that do not ascend are refused, and bytes that hold no list', () => {
  const lists = new ChunkLists()
  lists.load(0, writeChunkList([4, 5]))
  expect(() => lists.push(0, 5)).toThrow('Chunk 5 cannot follow chunk 5.')
  expect(() => readChunkList(writeChunkList([4, 500]).subarray(0, 9))).toThrow('no list of chunks')
  expect(() => readChunkList(Buffer.alloc(5))).toThrow('no list of chunks')
  expect(() => readChunkList(Buffer.concat([Buffer.alloc(8), Buffer.alloc(12, 255)]))).toThrow('no list of chunks')
})
