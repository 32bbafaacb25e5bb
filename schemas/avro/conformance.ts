import { Buffer } from 'node:buffer'
import avsc from 'avsc'
import fc from 'fast-check'

// What the views and the encoder conform to: random schemas with values, and avsc as the reference.

export interface Sample {
  readonly schema: any
  readonly value: fc.Arbitrary<unknown>
}

const primitive = (schema: string, value: fc.Arbitrary<unknown>): Sample => ({ schema, value })

/** Texts of all lengths that change the layout, ASCII and not, without lone surrogates. */
export const texts: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 70 }),
  fc.integer({ min: 55, max: 70 }).map(size => 'x'.repeat(size)),
)

const longs = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.integer({ min: -70, max: 70 }))
const binaries = fc.uint8Array({ maxLength: 70 }).map(bytes => Buffer.from(bytes))

const leaves: readonly Sample[] = [
  primitive('null', fc.constant(null)),
  primitive('boolean', fc.boolean()),
  primitive('int', fc.integer()),
  primitive('long', longs),
  primitive('float', fc.float()),
  primitive('double', fc.double()),
  primitive('string', texts),
  primitive('bytes', binaries),
]

let names = 0
const nextName = (): string => `T${names++}`

const leaf: fc.Arbitrary<Sample> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...leaves) },
  fc.integer({ min: 1, max: 5 }).map(size => {
    const symbols = ['A', 'B', 'C', 'D', 'E'].slice(0, size)
    return { schema: { type: 'enum', name: nextName(), symbols }, value: fc.constantFrom(...symbols) }
  }),
  fc.integer({ min: 0, max: 9 }).map(size => ({
    schema: { type: 'fixed', name: nextName(), size },
    value: fc.uint8Array({ minLength: size, maxLength: size }).map(bytes => Buffer.from(bytes)),
  })),
)

/** What a branch of a union looks like in JavaScript: two alike cannot be told apart. */
function bucket({ schema }: Sample): string {
  const kind = typeof schema === 'string' ? schema : schema.type
  if (['int', 'long', 'float', 'double'].includes(kind)) return 'number'
  if (kind === 'enum') return 'string'
  if (kind === 'fixed') return 'bytes'
  return kind === 'map' || kind === 'record' ? 'object' : kind
}

export function schemas(depth = 3): fc.Arbitrary<Sample> {
  if (depth === 0) return leaf
  const inner = schemas(depth - 1)
  return fc.oneof(
    { weight: 3, arbitrary: leaf },
    { weight: 4, arbitrary: records(depth) },
    inner.map(({ schema, value }) => ({
      schema: { type: 'array', items: schema },
      value: fc.array(value, { maxLength: 4 }),
    })),
    inner.map(({ schema, value }) => ({
      schema: { type: 'map', values: schema },
      value: fc.dictionary(
        texts.filter(key => key !== '__proto__'),
        value,
        { maxKeys: 4, noNullPrototype: true },
      ),
    })),
    fc
      .uniqueArray(
        inner.filter(({ schema }) => !Array.isArray(schema)),
        { selector: bucket, minLength: 1, maxLength: 4 },
      )
      .map(branches => ({
        schema: branches.map(({ schema }) => schema),
        value: fc.oneof(...branches.map(({ value }) => value)),
      })),
  )
}

export function records(depth: number): fc.Arbitrary<Sample> {
  return fc.array(schemas(depth - 1), { maxLength: 6 }).map(fields => ({
    schema: {
      type: 'record',
      name: nextName(),
      fields: fields.map(({ schema }, index) => ({ name: `f${index}`, type: schema })),
    },
    value: fc.record(Object.fromEntries(fields.map(({ value }, index) => [`f${index}`, value])), {
      noNullPrototype: true,
    }),
  }))
}

/** A schema with one of its values. */
export const samples = (depth = 3): fc.Arbitrary<{ schema: any; value: unknown }> =>
  schemas(depth).chain(({ schema, value }) => value.map(each => ({ schema, value: each })))

// avsc is what the views and the encoder are tested against, but for one type: avsc 5.7.9 folds a long's zig-zag bits
// in a double, so beyond ±2^52 it answers a neighbour or the wrong sign (-4503599627370497 comes back as
// 4503599627370496). Here a long goes through 64-bit integers.

const exactLong = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => {
    const value = bytes.readBigInt64LE()
    if (value !== BigInt(Number(value)) || !Number.isSafeInteger(Number(value)))
      throw new Error(`${value} is no safe integer`)
    return Number(value)
  },
  toBuffer: (value: number) => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigInt64LE(BigInt(value))
    return bytes
  },
  fromJSON: Number,
  toJSON: Number,
  isValid: Number.isSafeInteger,
  compare: (a: number, b: number) => a - b,
})

export const referenceOf = (schema: object): avsc.Type =>
  avsc.Type.forSchema(structuredClone(schema) as never, { registry: { long: exactLong } })
