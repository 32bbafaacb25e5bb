import { crc32c } from '@node-rs/crc32'
import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { seeded } from '../operators/testing.ts'
import { checksumOf, intact, sealed } from './checksum.ts'

test('short and long values have the same checksum as native code gives them', () => {
  // The check value of CRC-32C.
  expect(checksumOf(Buffer.from('1234'), Buffer.from('56789'))).toBe(0xe3069283)
  const random = seeded(7)
  for (let size = 0; size < 600; size += 3) {
    const bytes = Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256)))
    const cut = Math.floor(random() * (size + 1))
    expect(checksumOf(bytes.subarray(0, cut), bytes.subarray(cut))).toBe(crc32c(bytes))
  }
})

test('one flipped bit of key or value is noticed', () => {
  const [key, value] = [Buffer.from('key'), Buffer.from('value')]
  const stored = sealed(key, value)
  expect(intact(key, stored)).toBe(true)
  for (let bit = 0; bit < stored.length * 8; bit++) {
    const damaged = Buffer.from(stored)
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    expect(intact(key, damaged)).toBe(false)
  }
  expect(intact(Buffer.from('kez'), stored)).toBe(false)
})
