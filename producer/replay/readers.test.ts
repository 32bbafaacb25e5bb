import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { readBoolean, readDecimal, readInteger, readIso, readNumber, tokenReader } from './readers.ts'

test.for<[string, number, number]>([
  ['57.16', 2, 5716],
  ['57.1', 2, 5710],
  ['57', 2, 5700],
  ['0.00', 2, 0],
  ['-0.00', 2, 0],
  ['-1.05', 2, -105],
  ['850000', 0, 850_000],
  ['1.005', 3, 1005],
  // As a float, 1.15 x 100 is 114.99999999999999.
  ['1.15', 2, 115],
  ['0000000000000000000001.00', 2, 100],
  ['9999999999999.99', 2, 999_999_999_999_999],
])('%s with %i decimals is %i minor units', ([text, exponent, minor]) => {
  expect(readDecimal(text, exponent)).toBe(minor)
})

test.for<[string, number, string]>([
  ['1.234', 2, '"1.234" has more than 2 decimals, the most that its currency has (ERR_RANGE)'],
  ['1.5', 0, '"1.5" has more than 0 decimals'],
  ['1e3', 2, '"1e3" is no decimal number'],
  ['1,5', 2, '"1,5" is no decimal number'],
  [' 1', 2, '" 1" is no decimal number'],
  ['.5', 2, '".5" is no decimal number'],
  ['99999999999999.99', 2, 'is larger than 10^15 minor units (ERR_RANGE)'],
])('%s with %i decimals is refused', ([text, exponent, message]) => {
  expect(() => readDecimal(text, exponent)).toThrow(message)
})

test.for<[string, string]>([
  ['2025-03-03T06:00:00Z', '2025-03-03T06:00:00.000Z'],
  ['2025-03-03T06:00:00.1Z', '2025-03-03T06:00:00.100Z'],
  ['2025-03-03T06:00:00.123Z', '2025-03-03T06:00:00.123Z'],
  ['2024-02-29T23:59:59.999999Z', '2024-02-29T23:59:59.999Z'],
])('%s is an instant; digits finer than milliseconds are cut', ([text, instant]) => {
  expect(new Date(readIso(text)).toISOString()).toBe(instant)
})

test.for(['2025-02-29T00:00:00Z', '2025-03-03T24:00:00Z', '2025-03-03 06:00:00Z', '2025-03-03T06:00:00+01:00', ''])(
  '%j is no instant',
  text => {
    expect(() => readIso(text)).toThrow(/is no instant/)
  },
)

test('whole numbers, numbers and truth values', () => {
  expect(readInteger('-12')).toBe(-12)
  expect(() => readInteger('1.0')).toThrow('"1.0" is no whole number')
  expect(() => readInteger('1234567890123456')).toThrow('is no whole number')
  expect(readNumber('-98.235734')).toBe(-98.235734)
  expect(() => readNumber('NaN')).toThrow('"NaN" is no number')
  expect([readBoolean('1'), readBoolean('true'), readBoolean('0'), readBoolean('false')]).toEqual([
    true,
    true,
    false,
    false,
  ])
  expect(() => readBoolean('yes')).toThrow('"yes" is neither 0 nor 1, neither true nor false')
})

test('a token is the start of a keyed HMAC-SHA-256, the same for the same cell', () => {
  const card = '342853533998240'
  const token = tokenReader('a key')
  expect(token(card)).toBe(createHmac('sha256', 'a key').update(card).digest('hex').slice(0, 16))
  expect(token(card)).toBe(token(card))
  expect(token(card)).toMatch(/^[0-9a-f]{16}$/)
  expect(tokenReader('another key')(card)).not.toBe(token(card))
})
