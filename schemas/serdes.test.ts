import { Buffer } from 'node:buffer'
import avsc from 'avsc'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter } from './bytes.ts'
import { DecodeError, EncodeError, type Serde } from './serde.ts'
import { bigint64, float64, int32, int64, json, rawBytes, text } from './serdes.ts'

function bytesOf<T>(serde: Serde<T>, value: T): Buffer {
  const out = new ByteWriter(1)
  serde.write(value, out)
  return out.copy()
}

/** Reads from the middle of a larger buffer, as records lie in a batch. */
function read<T>(serde: Serde<T>, bytes: Buffer): T {
  const batch = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(9, 0xff)])
  return serde.read(batch, 3, 3 + bytes.length)
}

test('text is UTF-8, as Node writes it', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ maxLength: 100 }), fc.string({ unit: 'grapheme', maxLength: 100 })), value => {
      expect(bytesOf(text, value).equals(Buffer.from(value))).toBe(true)
      expect(read(text, bytesOf(text, value))).toBe(value)
    }),
  )
  const long = `${'ä'.repeat(5_000)}x`
  expect(read(text, bytesOf(text, long))).toBe(long)
})

test('text that has no UTF-8 and UTF-8 that is no text are refused', () => {
  for (const lone of ['\ud800', 'a\udc00', `${'x'.repeat(60)}\ud83d`])
    expect(() => bytesOf(text, lone)).toThrow(EncodeError)
  for (const bytes of [[0xff], [0xc3, 0x28], [0xe2, 0x82], [0xed, 0xa0, 0x80]]) {
    expect(() => read(text, Buffer.from(bytes))).toThrow(DecodeError)
  }
})

test('integers are laid out as Java does, and their limits hold', () => {
  expect([...bytesOf(int32, -2)]).toEqual([255, 255, 255, 254])
  expect([...bytesOf(int64, 4_294_967_298)]).toEqual([0, 0, 0, 1, 0, 0, 0, 2])
  for (const value of [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]) expect(read(int32, bytesOf(int32, value))).toBe(value)
  for (const value of [2 ** 31, 1.5, Number.NaN, '1' as never]) expect(() => bytesOf(int32, value)).toThrow(EncodeError)
  for (const value of [2 ** 53, 0.5, Number.NaN]) expect(() => bytesOf(int64, value)).toThrow(EncodeError)
  expect(() => read(int64, bytesOf(bigint64, 2n ** 53n))).toThrow(DecodeError)
  expect(() => read(int64, bytesOf(bigint64, -(2n ** 53n)))).toThrow(DecodeError)
  expect(() => bytesOf(bigint64, 2n ** 63n)).toThrow(EncodeError)
  for (const serde of [int32, int64, float64, bigint64])
    expect(() => (serde as Serde<unknown>).read(Buffer.alloc(9), 0, 3)).toThrow(DecodeError)
})

test('what is written is read: int64, bigint64, float64, rawBytes', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), value => {
      expect(read(int64, bytesOf(int64, value))).toBe(value)
    }),
  )
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), value => {
      expect(read(bigint64, bytesOf(bigint64, value))).toBe(value)
    }),
  )
  fc.assert(
    fc.property(fc.double(), value => {
      expect(read(float64, bytesOf(float64, value))).toBe(value)
    }),
  )
  fc.assert(
    fc.property(fc.uint8Array(), value => {
      expect(read(rawBytes, bytesOf(rawBytes, Buffer.from(value))).equals(value)).toBe(true)
    }),
  )
})

test('json is checked, and hostile keys are refused however they are spelled', () => {
  const serde = json('Point', value => {
    const { x } = value as { x: unknown }
    if (typeof x !== 'number') throw new Error('x is no number')
    return { x }
  })
  expect(read(serde, bytesOf(serde, { x: 1 }))).toEqual({ x: 1 })
  expect(() => read(serde, Buffer.from('{"x":"1"}'))).toThrow(/No Point in JSON: x is no number/)
  for (const source of [
    '{',
    '{"x":NaN}',
    '\ufeff{"x":1}',
    '{"x":1,}',
    '{"x":1,"__proto__":{}}',
    '{"x":1,"a":{"constructor":1}}',
    '{"x":1,"\\u005f_proto__":1}',
  ]) {
    expect(() => read(serde, Buffer.from(source))).toThrow(DecodeError)
  }
  expect(read(serde, Buffer.from('{"x":1,"a":"\\u00e4 of a prototype"}'))).toEqual({ x: 1 })
})

test('varints are those of Avro, at every length', () => {
  const long = avsc.Type.forSchema('long')
  const out = new ByteWriter(1)
  const check = (value: number): void => {
    out.reset()
    out.varint(value)
    const small = out.copy()
    out.reset()
    out.bigVarint(BigInt(value))
    expect(small.equals(out.copy())).toBe(true)
    if (Math.abs(value) < 2 ** 52) expect(small.equals(long.toBuffer(value))).toBe(true)
  }
  for (let bit = 0; bit < 53; bit++)
    for (const sign of [1, -1])
      for (const off of [-1, 0, 1]) check(sign * Math.min(2 ** bit + off, Number.MAX_SAFE_INTEGER))
  fc.assert(fc.property(fc.maxSafeInteger(), check))
})

test('uvarints hold up to 2^53 - 1', () => {
  const out = new ByteWriter(1)
  for (const value of [0, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    out.reset()
    out.uvarint(value)
    const read7 = [...out.copy()].reduceRight((sum, byte) => sum * 128n + BigInt(byte & 127), 0n)
    expect(read7).toBe(BigInt(value))
  }
})
