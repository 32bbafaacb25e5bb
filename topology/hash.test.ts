import { expect, test } from 'vitest'
import { murmur3 } from './hash.ts'

function hashOf(bytes: Uint8Array, seed: number): Buffer {
  const words = new Int32Array(4)
  murmur3(bytes, 0, bytes.length, seed, words)
  const hash = Buffer.alloc(16)
  for (const [i, word] of words.entries()) hash.writeInt32LE(word, 4 * i)
  return hash
}

// The check of SMHasher, the test suite of the hash's author: the hash of the hashes of 0, 1 to 255 bytes.
test('it is MurmurHash3_x86_128', () => {
  const hashes = Array.from({ length: 256 }, (_, size) =>
    hashOf(
      Uint8Array.from({ length: size }, (_, i) => i),
      256 - size,
    ),
  )
  expect(hashOf(Buffer.concat(hashes), 0).readUInt32LE(0)).toBe(0xb3ece62a)
})

test('a range of a larger buffer', () => {
  const words = [new Int32Array(4), new Int32Array(4)] as const
  murmur3(Buffer.from('xxthe merchants of a dayyy'), 2, 24, 7, words[0])
  murmur3(Buffer.from('the merchants of a day'), 0, 22, 7, words[1])
  expect(words[0]).toEqual(words[1])
})
