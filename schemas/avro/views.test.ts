import { Buffer } from 'node:buffer'
import type { Type } from 'avsc'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteWriter } from '../bytes.ts'
import { paymentSchema, fraudAlertSchema, rejectedPaymentSchema } from '../payments/schemas.ts'
import { DecodeError, EncodeError } from '../serde.ts'
import { plain } from './plain.ts'
import { referenceOf, samples } from './conformance.ts'
import { AvroType } from './type.ts'

// avsc is the reference: what it writes we read, and what we write it reads.

function written(type: AvroType, value: unknown): Buffer {
  const out = new ByteWriter(1)
  type.encode(value, out)
  return out.copy()
}

/** Reads from the middle of a larger buffer, as records lie in a batch. */
function readAmong(type: AvroType, bytes: Buffer, filler = 0xa5): unknown {
  const batch = Buffer.concat([Buffer.alloc(7, filler), bytes, Buffer.alloc(300, filler)])
  return plain(type.own.read(batch, 7, 7 + bytes.length))
}

const read = (type: AvroType, bytes: Buffer): unknown => plain(type.own.read(bytes, 0, bytes.length))

/** avsc's classes and null prototypes do not count as a difference. */
const bare = (value: unknown): unknown => plain(structuredCloneBuffers(value))
function structuredCloneBuffers(value: any): any {
  if (Array.isArray(value)) return value.map(structuredCloneBuffers)
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, structuredCloneBuffers(each)]))
}

test('random schemas: writes what avsc writes, reads what avsc reads, through views too', () => {
  fc.assert(
    fc.property(samples(), ({ schema, value }) => {
      const type = AvroType.of(schema)
      const reference = referenceOf(schema)
      const bytes = reference.toBuffer(value)
      expect(written(type, value).equals(bytes)).toBe(true)
      expect(bare(readAmong(type, bytes))).toEqual(bare(reference.fromBuffer(bytes)))
      // A view encodes to the bytes that it was read from, field by field.
      expect(written(type, type.own.read(bytes, 0, bytes.length)).equals(bytes)).toBe(true)
    }),
    { numRuns: 200 },
  )
}, 30_000)

test('random schemas: every truncation and every addition is refused when read, not later', () => {
  fc.assert(
    fc.property(samples(), fc.constantFrom(0x00, 0x01, 0x80, 0xff), ({ schema, value }, filler) => {
      const type = AvroType.of(schema)
      const bytes = written(type, value)
      for (let size = 0; size < bytes.length; size++) {
        const batch = Buffer.concat([bytes.subarray(0, size), Buffer.alloc(40, filler)])
        // What is cut off may go on with other bytes behind it: they belong to the next record.
        expect(() => type.own.read(batch, 0, size)).toThrow(DecodeError)
        expect(() => type.own.read(bytes.subarray(0, size), 0, size)).toThrow(DecodeError)
      }
      const longer = Buffer.concat([bytes, Buffer.from([filler])])
      expect(() => type.own.read(longer, 0, longer.length)).toThrow(DecodeError)
    }),
    { numRuns: 100 },
  )
}, 30_000)

test('random schemas: what is wrong with a value that is cut off does not depend on what stands behind it', () => {
  const messageOf = (type: AvroType, bytes: Buffer, end: number): string => {
    try {
      type.own.read(bytes, 0, end)
    } catch (error) {
      return (error as DecodeError).message
    }
    throw new Error('The value was not refused.')
  }
  fc.assert(
    fc.property(samples(), fc.uint8Array({ minLength: 40, maxLength: 40 }), ({ schema, value }, behind) => {
      const type = AvroType.of(schema)
      const bytes = written(type, value)
      for (let size = 0; size < bytes.length; size++) {
        const alone = bytes.subarray(0, size)
        expect(messageOf(type, Buffer.concat([alone, behind]), size)).toBe(messageOf(type, alone, size))
      }
    }),
    { numRuns: 100 },
  )
}, 30_000)

test('random schemas: a flipped bit is refused, or read as avsc reads it', () => {
  fc.assert(
    fc.property(samples(), fc.nat(), ({ schema, value }, place) => {
      const type = AvroType.of(schema)
      const bytes = written(type, value)
      if (bytes.length === 0) return
      const bit = place % (bytes.length * 8)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      expectLikeAvsc(type, referenceOf(schema), bytes)
    }),
    { numRuns: 300 },
  )
}, 30_000)

test('random bytes are refused, or read as avsc reads them', () => {
  fc.assert(
    fc.property(samples(2), fc.uint8Array({ maxLength: 40 }), ({ schema }, bytes) => {
      expectLikeAvsc(AvroType.of(schema), referenceOf(schema), Buffer.from(bytes))
    }),
    { numRuns: 300 },
  )
}, 30_000)

function expectLikeAvsc(type: AvroType, reference: Type, bytes: Buffer): void {
  let ours: unknown
  try {
    ours = read(type, bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError)
    expect((error as DecodeError).code).toBe('ERR_DECODE')
    return
  }
  expect(bare(ours)).toEqual(bare(reference.fromBuffer(bytes)))
}

const payment = {
  paymentId: 'p-1',
  eventTime: 1_740_960_000_123,
  customerId: 'cust-ü',
  merchantId: 'm-1',
  amountMinor: 850_000,
  currency: 'IRR',
  vatMinor: 127_500,
  commissionMinor: 17_000,
  totalMinor: 994_500,
  commissionType: 'FLAT',
  type: 'PURCHASE',
  status: 'APPROVED',
  failureReason: null,
  channel: 'MOBILE',
  method: 'CREDIT_CARD',
  cardScheme: null,
  category: 'retail',
  product: { id: 'x', name: null },
  geo: {
    latitude: 35.7,
    longitude: 51.3,
    country: 'IR',
    region: null,
    city: 'Tehran',
    postalCode: null,
    source: 'MERCHANT',
  },
  device: {
    id: 'd',
    os: 'iOS',
    osVersion: null,
    model: null,
    appVersion: null,
    browser: null,
    userAgent: null,
    ipAddress: null,
    type: 'MOBILE',
    rooted: false,
  },
  customerType: 'individual',
  customerSegment: null,
  accountBalanceMinor: -5,
  processingMillis: 12,
  upstreamRisk: 0.25,
  origin: 'drill',
  attributes: { a: '1', ü: '2' },
}

test('a payment: fields, inner records, and every flip of every bit', () => {
  const type = AvroType.of(paymentSchema)
  const reference = referenceOf(paymentSchema)
  const bytes = written(type, payment)
  expect(read(type, bytes)).toEqual(payment)
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    expectLikeAvsc(type, reference, flipped)
  }
  for (let size = 0; size < bytes.length; size++) expect(() => read(type, bytes.subarray(0, size))).toThrow(DecodeError)
})

test('views decode once, cannot be changed, and show themselves as JSON', () => {
  const type = AvroType.of(paymentSchema)
  const view = type.own.read(written(type, payment), 0, written(type, payment).length) as typeof payment
  expect(view.geo).toBe(view.geo)
  expect(view.attributes).toBe(view.attributes)
  expect(() => ((view as { amountMinor: number }).amountMinor = 1)).toThrow(TypeError)
  expect(JSON.parse(JSON.stringify(view))).toEqual(payment)
  expect(() => written(type, { ...view })).toThrow(/plain\(record\)/)
  expect(read(type, written(type, { ...plain(view), amountMinor: 7 }))).toEqual({ ...payment, amountMinor: 7 })
})

test('the largest safe integers pass, one more does not, either way', () => {
  const type = AvroType.of('long')
  for (const value of [
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
    2 ** 31,
    -(2 ** 31) - 1,
    63,
    64,
    -64,
    -65,
    0,
  ]) {
    expect(read(type, written(type, value))).toBe(value)
  }
  const beyond = new ByteWriter()
  for (const value of [2n ** 53n, -(2n ** 53n), 2n ** 63n - 1n, -(2n ** 63n)]) {
    beyond.reset()
    beyond.bigVarint(value)
    expect(() => read(type, beyond.copy())).toThrow(/beyond the safe integers/)
  }
  expect(() => written(type, 2 ** 53)).toThrow(EncodeError)
  expect(() => written(type, 1.5)).toThrow(EncodeError)
})

/** Rows of the poison corpus that concern the bytes of a value. */
const poison: readonly (readonly [string, object | string, number[], RegExp])[] = [
  ['block count 2^40', { type: 'array', items: 'null' }, [0x80, 0x80, 0x80, 0x80, 0x80, 0x40], /more than 100000/],
  ['text of 2^31', 'string', [0x80, 0x80, 0x80, 0x80, 0x10], /length of 2147483648/],
  ['union index 99', ['null', 'string'], [0xc6, 0x01, 0], /branch 99/],
  ['union index negative', ['null', 'string'], [0x01], /branch -1/],
  ['varint of 11 bytes', 'long', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0], /more than 10 bytes/],
  ['int of 33 bits', 'int', [0x80, 0x80, 0x80, 0x80, 0x20], /an int of/],
  ['negative block, wrong size', { type: 'array', items: 'int' }, [0x03, 0x06, 2, 4, 6, 0], /size in bytes is wrong/],
  ['bytes of a negative length', 'bytes', [0x03, 0, 0], /length of -2/],
  ['enum out of range', { type: 'enum', name: 'E', symbols: ['A'] }, [0x02], /symbol 1/],
  ['text that is no UTF-8', 'string', [0x04, 0xc3, 0x28], /not UTF-8/],
  ['boolean of 2', 'boolean', [2], /boolean of 2/],
]

test.each(poison)('poison: %s', (_name, schema, bytes, message) => {
  expect(() => read(AvroType.of(schema), Buffer.from(bytes))).toThrow(message)
})

test('a negative block count with the right size is legal, and so are several blocks', () => {
  const bytes = Buffer.from([0x03, 0x04, 2, 4, 0x02, 6, 0])
  expect(read(AvroType.of({ type: 'array', items: 'int' }), bytes)).toEqual([1, 2, 3])
})

test('records that refer to themselves are read up to 64 levels', () => {
  const type = AvroType.of({ type: 'record', name: 'Node', fields: [{ name: 'next', type: ['null', 'Node'] }] })
  const nested = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth, 2), Buffer.from([0])])
  expect(JSON.stringify(read(type, nested(3)))).toBe('{"next":{"next":{"next":{"next":null}}}}')
  expect(() => read(type, nested(10_000))).toThrow(/deeper than 64/)
})

test('what does not fit is refused with the name of its field', () => {
  const type = AvroType.of(paymentSchema)
  expect(() => written(type, { ...payment, currency: undefined })).toThrow(/Payment.currency takes a text/)
  expect(() => written(type, { ...payment, status: 'approved' })).toThrow(/Payment.status takes a symbol/)
  expect(() => written(type, { ...payment, geo: { ...payment.geo, city: 3 } })).toThrow(/Geo.city takes null or string/)
  expect(() => written(type, { ...payment, customerId: '\ud800' })).toThrow(/surrogate/)
  expect(() => written(type, { ...payment, origin: undefined, vatMinor: undefined })).not.toThrow()
})

test('bytes and lists of alerts and rejected payments', () => {
  const rejected = {
    errors: [{ code: 'ERR_TIME', field: '', message: 'late' }],
    paymentId: null,
    topic: 'payments',
    partition: 1,
    offset: 2 ** 40,
    recordTime: 5,
    schemaId: 7,
    format: 'avro',
    key: null,
    value: Buffer.from([0, 1, 255]),
    headers: [{ name: 'a', value: null }],
  }
  const type = AvroType.of(rejectedPaymentSchema)
  expect(read(type, written(type, rejected))).toEqual(rejected)
  expect(referenceOf(fraudAlertSchema).name).toBe('millrace.payments.FraudAlert')
})

test('schemas with hostile names, ambiguous unions or wrong defaults are refused when defined', () => {
  const record = (fields: object[]): object => ({ type: 'record', name: 'R', fields })
  expect(() => AvroType.of(record([{ name: 'a;process.exit()', type: 'int' }]))).toThrow(/no Avro name/)
  expect(() => AvroType.of({ type: 'record', name: 'x){}//', fields: [] })).toThrow(/no Avro name/)
  expect(() => AvroType.of({ type: 'enum', name: 'E', symbols: ["a'"] })).toThrow(/no Avro name/)
  expect(() => AvroType.of(record([{ name: 'constructor', type: 'int' }]))).toThrow(/Rename it/)
  expect(() => AvroType.of(['int', 'double'])).toThrow(/look the same/)
  expect(() => AvroType.of(record([{ name: 'a', type: 'int', default: 'x' }]))).toThrow(/is no int/)
})
