import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareUtf8 } from './text.ts'

test('texts compare by code points, as their bytes do', () => {
  const anyText = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(anyText, anyText, (a, b) => {
      expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      expect(compareUtf8(a, a)).toBe(0)
    }),
  )
  expect(compareUtf8('\uffff', '\u{10000}')).toBeLessThan(0)
  expect(compareUtf8('a\u{10000}', 'a\ue000')).toBeGreaterThan(0)
})
