import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter } from '../bytes.ts'
import { DecodeError } from '../serde.ts'
import { records, referenceOf, type Sample } from './conformance.ts'
import { plain } from './plain.ts'
import { AvroType } from './type.ts'

function encoded(schema: object | string, value: unknown): Buffer {
  const out = new ByteWriter()
  AvroType.of(schema).encode(value, out)
  return out.copy()
}

/** `value`, written as `writer` and read as `reader`. */
function reread(writer: object | string, reader: object | string, value: unknown): unknown {
  const bytes = encoded(writer, value)
  return plain(AvroType.of(reader).readerOf(JSON.stringify(writer)).read(bytes, 0, bytes.length))
}

const record = (fields: object[], more: object = {}): object => ({ type: 'record', name: 'R', fields, ...more })
const enumOf = (symbols: string[], more: object = {}): object => ({ type: 'enum', name: 'E', symbols, ...more })

test('random records: dropped, added, reordered and promoted fields are read as avsc reads them', () => {
  const sample = records(3).chain((each: Sample) =>
    fc.record({ each: fc.constant(each), value: each.value, seed: fc.nat() }),
  )
  fc.assert(
    fc.property(sample, ({ each, value, seed }) => {
      const writer = each.schema as { fields: { name: string; type: unknown }[] }
      fc.pre(!mixesTexts(writer))
      const kept = writer.fields
        .filter((_, index) => ((seed >> index) & 1) === 0)
        .map(field => ({ ...field, type: promoted(field.type, seed) }))
      const reader = {
        ...writer,
        fields: [{ name: 'added', type: ['null', 'string'], default: null }, ...kept.reverse()],
      }
      const bytes = encoded(writer, value)
      const reference = referenceOf(reader)
      const expected = reference.fromBuffer(bytes, reference.createResolver(referenceOf(writer)))
      const actual = AvroType.of(reader).readerOf(JSON.stringify(writer)).read(bytes, 0, bytes.length)
      expect(JSON.stringify(plain(actual))).toBe(JSON.stringify(expected))
    }),
    { numRuns: 200 },
  )
}, 30_000)

/**
 * avsc reads a text as the first branch that can take it, bytes included; Java, and we, as the branch of its own
 * type.
 */
function mixesTexts(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false
  if (Array.isArray(schema) && schema.includes('string') && schema.includes('bytes')) return true
  return Object.values(schema).some(mixesTexts)
}

/** Nothing is promoted from long: the reference's exact long knows itself only. */
function promoted(type: unknown, seed: number): unknown {
  if (type === 'int') return ['int', 'float', 'double'][seed % 3]
  if (type === 'float') return ['float', 'double'][seed % 2]
  return type
}

test('numbers are promoted, and texts and bytes are read as each other', () => {
  for (const [writer, readers] of Object.entries({
    int: ['long', 'float', 'double'],
    long: ['float', 'double'],
    float: ['double'],
  })) {
    for (const reader of readers) expect(reread(writer, reader, 42)).toBe(42)
  }
  expect(reread('string', 'bytes', 'añb')).toEqual(Buffer.from('añb'))
  expect(reread('bytes', 'string', Buffer.from('añb'))).toBe('añb')
  expect(
    reread(record([{ name: 'a', type: 'bytes' }]), record([{ name: 'a', type: ['null', 'string'] }]), {
      a: Buffer.from('ñ'),
    }),
  ).toEqual({ a: 'ñ' })
  expect(() => reread('bytes', 'string', Buffer.from([0xff]))).toThrow(DecodeError)
  expect(() => reread('double', 'int', 1)).toThrow(/double cannot be read as int/)
  expect(() => reread('long', 'int', 1)).toThrow(/long cannot be read as int/)
})

test('fields and types are found under their aliases, and one field only once', () => {
  const reader = record(
    [
      { name: 'b', type: 'int', aliases: ['a'] },
      { name: 'c', type: 'int', aliases: ['a'], default: 7 },
    ],
    { name: 'New', aliases: ['R'] },
  )
  expect(reread(record([{ name: 'a', type: 'int' }]), reader, { a: 5 })).toEqual({ b: 5, c: 7 })
  expect(
    reread({ type: 'fixed', name: 'old.F', size: 1 }, { type: 'fixed', name: 'new.F', size: 1 }, Buffer.from([3])),
  ).toEqual(Buffer.from([3]))
  expect(() => reread(record([]), record([], { name: 'Other' }), {})).toThrow(/R cannot be read as Other/)
})

test('symbols that the reader lacks become its default, and without one are refused', () => {
  const writer = enumOf(['UNKNOWN', 'A', 'NEW'])
  expect(reread(writer, enumOf(['UNKNOWN', 'A'], { default: 'UNKNOWN' }), 'NEW')).toBe('UNKNOWN')
  expect(reread(writer, enumOf(['A', 'UNKNOWN'], { default: 'UNKNOWN' }), 'A')).toBe('A')
  expect(reread(writer, enumOf(['A', 'UNKNOWN']), 'A')).toBe('A')
  expect(() => reread(writer, enumOf(['A', 'UNKNOWN']), 'NEW')).toThrow(DecodeError)
})

test('unions grow and shrink, branch by branch, judged when a value comes', () => {
  expect(reread('string', ['null', 'string'], 'a')).toBe('a')
  expect(reread(['null', 'string'], 'string', 'a')).toBe('a')
  expect(() => reread(['null', 'string'], 'string', null)).toThrow(DecodeError)
  expect(reread(['string', 'int'], ['null', 'long', 'string'], 3)).toBe(3)
  expect(reread('bytes', ['null', 'string', 'bytes'], Buffer.from('x'))).toEqual(Buffer.from('x'))
  expect(() => reread(['int', 'string'], 'boolean', 1)).toThrow(/cannot be read as boolean/)
  const optional = (type: unknown): object => record([{ name: 'a', type: ['null', type] }])
  expect(reread(optional('int'), optional('double'), { a: 1 })).toEqual({ a: 1 })
  expect(reread(record([{ name: 'a', type: 'int' }]), optional('double'), { a: 1 })).toEqual({ a: 1 })
})

test('defaults of every type', () => {
  const fields = [
    { name: 'n', type: ['null', 'int'], default: null },
    { name: 's', type: 'string', default: 'ü' },
    { name: 'b', type: 'bytes', default: '\u00ff' },
    { name: 'm', type: { type: 'map', values: 'int' }, default: { a: 1 } },
    { name: 'l', type: { type: 'array', items: 'string' }, default: ['x'] },
    { name: 'e', type: enumOf(['A', 'B']), default: 'B' },
    {
      name: 'r',
      type: record(
        [
          { name: 'i', type: 'int' },
          { name: 'j', type: 'int', default: 4 },
        ],
        { name: 'Inner' },
      ),
      default: { i: 3 },
    },
  ]
  const value = reread(record([]), record(fields), {}) as { m: object }
  expect(value).toEqual({ n: null, s: 'ü', b: Buffer.from([0xff]), m: { a: 1 }, l: ['x'], e: 'B', r: { i: 3, j: 4 } })
  expect(() => reread(record([]), record([{ name: 'a', type: 'int' }]), {})).toThrow(/no field a/)
})

test('times and decimals of another unit are refused', () => {
  const time = (logicalType: string): object => ({ type: 'long', logicalType })
  expect(() => reread(time('timestamp-micros'), time('timestamp-millis'), 1)).toThrow(/timestamp-micros cannot be read/)
  const decimal = (scale: number): object => ({ type: 'bytes', logicalType: 'decimal', precision: 9, scale })
  expect(() => reread(decimal(2), decimal(3), Buffer.from([1]))).toThrow(/decimal\(9,2\)/)
  expect(reread('long', time('timestamp-millis'), 5)).toBe(5)
})

test('a record that refers to itself is resolved, and refused as a whole where it cannot be', () => {
  const tree = (type: string): object =>
    record([
      { name: 'v', type },
      { name: 'next', type: ['null', 'R'], default: null },
    ])
  expect(reread(tree('int'), tree('double'), { v: 1, next: { v: 2, next: null } })).toEqual({
    v: 1,
    next: { v: 2, next: null },
  })
  expect(() => reread(tree('int'), tree('string'), { v: 1, next: null })).toThrow(/Field v/)
})
