import { readFileSync } from 'node:fs'
import avsc from 'avsc'
import { expect, test } from 'vitest'
import { plain } from '../avro.ts'
import { ByteWriter } from '../bytes.ts'
import { memoryRegistry } from '../registry-memory.ts'
import { currencies, currencyExponent } from './currency.ts'
import { paymentTypes } from './generate-types.ts'
import {
  analyticsSchema,
  fraudAlertSchema,
  paymentLabelSchema,
  paymentSchema,
  rejectedPaymentSchema,
} from './schemas.ts'
import {
  analytics,
  fraudAlerts,
  paymentLabels,
  payments,
  paymentsLate,
  paymentsRejected,
  topicSettings,
} from './topics.ts'
import type { Analytics } from './types.ts'

const schemas = { paymentSchema, paymentLabelSchema, fraudAlertSchema, analyticsSchema, rejectedPaymentSchema }

/** Every object within a schema, each with the name of the field or type that it is. */
function* definitions(schema: any): Generator<any> {
  if (Array.isArray(schema)) for (const each of schema) yield* definitions(each)
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return
  yield schema
  for (const key of ['type', 'items', 'values', 'fields']) yield* definitions(schema[key])
}

test('types.ts is what the .avsc files say', () => {
  expect(readFileSync(new URL('types.ts', import.meta.url), 'utf8')).toBe(paymentTypes())
})

test.each(Object.entries(schemas))(
  '%s is Avro, in our namespace, and its enums start with UNKNOWN',
  (_name, schema) => {
    expect(avsc.Type.forSchema(structuredClone(schema) as never).name).toMatch(/^millrace\.payments\./)
    for (const each of definitions(schema)) {
      if (each.type === 'enum') expect([each.symbols[0], each.default]).toEqual(['UNKNOWN', 'UNKNOWN'])
    }
  },
)

test('no field of a payment tells whether it is fraud', () => {
  const names = [...definitions(paymentSchema)].flatMap(each => [each.name, ...(each.symbols ?? [])]).filter(Boolean)
  expect(names.length).toBeGreaterThan(40)
  for (const name of names) expect(name).not.toMatch(/fraud|label|scenario|chargeback/i)
})

test('what is personal is marked', () => {
  const marked = [...definitions(paymentSchema)].filter(each => each.pii === true).map(each => each.name)
  expect(marked).toEqual(['latitude', 'longitude', 'ipAddress'])
})

test('the fields of a payment, in their order', () => {
  expect((paymentSchema as { fields: { name: string }[] }).fields.map(({ name }) => name).join(' ')).toBe(
    'paymentId eventTime customerId merchantId amountMinor currency vatMinor commissionMinor totalMinor ' +
      'commissionType type status failureReason channel method cardScheme category product geo device customerType customerSegment ' +
      'accountBalanceMinor processingMillis upstreamRisk origin attributes',
  )
})

test('every topic has its settings, under its own name', () => {
  const topics = [payments, paymentsRejected, paymentsLate, paymentLabels, fraudAlerts, analytics]
  expect(topicSettings.map(({ name }) => name)).toEqual(topics.map(({ name }) => name))
  expect(topicSettings.map(({ partitions }) => partitions)).toEqual([6, 3, 3, 6, 6, 3])
  expect(topicSettings.at(-1)).toEqual({
    name: 'analytics',
    partitions: 3,
    cleanup: 'compact,delete',
    retentionMs: 2_592_000_000,
  })
})

test('an analytics record goes through its topic', async () => {
  const serde = await analytics.value.bind!({
    topic: analytics.name,
    part: 'value',
    writes: true,
    registry: memoryRegistry(),
  })
  const value: Analytics = {
    kpi: 'merchant.top',
    windowStart: 1_740_960_000_000,
    windowEnd: 1_740_960_300_000,
    dimension: '',
    member: '',
    currency: 'EUR',
    count: 3,
    numerator: -1,
    denominator: 2 ** 53 - 1,
    unit: 'MINOR',
    items: [{ rank: 1, member: 'm', numerator: 5, count: 2 }],
    final: true,
    revision: 0,
  }
  const out = new ByteWriter()
  serde.write(value, out)
  const view = serde.read(out.copy(), 0, out.length)
  expect(view.items[0]!.member).toBe('m')
  expect(plain(view)).toEqual(value)
})

test('decimals of currencies', () => {
  expect(['USD', 'EUR', 'PKR', 'GBP', 'JPY', 'KWD', 'CLF'].map(currencyExponent)).toEqual([2, 2, 2, 2, 0, 3, 4])
  // As rials are used, and not the 2 of ISO 4217.
  expect(currencyExponent('IRR')).toBe(0)
  expect(['usd', 'ZZZ', '', 'XXX'].map(currencyExponent)).toEqual([undefined, undefined, undefined, undefined])
  expect(new Set(currencies).size).toBe(currencies.length)
  for (const code of currencies) expect(code).toMatch(/^[A-Z]{3}$/)
})
