import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter } from './bytes.ts'
import { DecodeError, EncodeError, type Serde } from './serde.ts'
import {
  bigintField,
  booleanField,
  float64Field,
  int32Field,
  int64Field,
  listField,
  optional,
  serdeField,
  struct,
  text,
  textField,
} from './serdes.ts'

function bytesOf<T>(serde: Serde<T>, value: T): Buffer {
  const out = new ByteWriter(1)
  serde.write(value, out)
  return out.copy()
}

function read<T>(serde: Serde<T>, bytes: Buffer): T {
  const batch = Buffer.concat([Buffer.alloc(3, 0xff), bytes, Buffer.alloc(9, 0xff)])
  return serde.read(batch, 3, 3 + bytes.length)
}

const place = struct({ latitude: float64Field(), city: optional(textField()) })
const all = struct({
  name: textField(),
  count: int32Field(),
  sum: int64Field(),
  exact: bigintField(),
  open: booleanField(),
  mean: optional(float64Field()),
  note: optional(textField()),
  place: serdeField(place),
  visited: listField(place),
  tags: listField(text),
  last: optional(int64Field()),
})

const places = fc.record({ latitude: fc.double(), city: fc.option(fc.string()) }, { noNullPrototype: true })
const values = fc.record(
  {
    name: fc.string({ unit: 'grapheme' }),
    count: fc.integer(),
    sum: fc.maxSafeInteger(),
    exact: fc.bigInt(),
    open: fc.boolean(),
    mean: fc.option(fc.double()),
    note: fc.option(fc.string()),
    place: places,
    visited: fc.array(places),
    tags: fc.array(fc.string()),
    last: fc.option(fc.maxSafeInteger()),
  },
  { noNullPrototype: true },
)

test('every kind of field comes back', () => {
  fc.assert(
    fc.property(values, value => {
      expect(read(all, bytesOf(all, value))).toEqual(value)
    }),
  )
})

test('the same value is the same bytes, whatever was in the buffer before', () => {
  const value = { latitude: 1, city: null }
  const dirty = new ByteWriter(64)
  dirty.bytes.fill(0xee)
  place.write(value, dirty)
  expect(dirty.copy().equals(bytesOf(place, value))).toBe(true)
  const maybe = struct({ a: optional(int64Field()) })
  dirty.reset()
  maybe.write({ a: null }, dirty)
  expect([...dirty.copy()]).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
})

test('the layout: version, fields of fixed size, then the others', () => {
  const serde = struct({ t: textField(), n: int32Field(), b: optional(booleanField()) }, { version: 3 })
  expect([...bytesOf(serde, { t: 'ab', n: 258, b: true })]).toEqual([3, 0, 0, 1, 2, 1, 1, 0, 0, 0, 2, 97, 98])
})

test('every truncation and every addition is refused', () => {
  fc.assert(
    fc.property(values, value => {
      const bytes = bytesOf(all, value)
      for (let size = 0; size < bytes.length; size++)
        expect(() => read(all, bytes.subarray(0, size))).toThrow(DecodeError)
      expect(() => read(all, Buffer.concat([bytes, Buffer.from([0])]))).toThrow(DecodeError)
    }),
    { numRuns: 30 },
  )
})

test('random bytes are refused with a DecodeError or read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
      try {
        read(all, Buffer.from([1, ...bytes]))
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }),
  )
})

test('another version is refused', () => {
  const one = struct({ a: int32Field() })
  const two = struct({ a: int32Field() }, { version: 2 })
  expect(() => read(two, bytesOf(one, { a: 1 }))).toThrow(/version 1 of this struct, and 2 is defined/)
})

test('values that do not fit are refused with the name of the field', () => {
  const bad =
    (field: object): (() => unknown) =>
    () =>
      bytesOf(all, { ...fc.sample(values, 1)[0]!, ...field })
  expect(bad({ count: 2 ** 31 })).toThrow(/field count takes an integer of 32 bits/)
  expect(bad({ sum: 0.5 })).toThrow(/field sum takes a safe integer/)
  expect(bad({ name: undefined })).toThrow(/field name takes a text/)
  expect(bad({ exact: 1 })).toThrow(/field exact takes a bigint/)
  expect(bad({ open: 1 })).toThrow(/field open takes a boolean/)
  expect(bad({ mean: undefined })).toThrow(EncodeError)
})

test('names that are no identifiers never reach the generated code', () => {
  for (const name of ['a b', 'a;b', '1a', '', 'a\u2028b', '__proto__']) {
    expect(() => struct(Object.fromEntries([[name, int32Field()]]))).toThrow(/cannot name a field/)
  }
})
