import { expect, test } from 'vitest'
import { parseMapping } from './mapping.ts'
import { rowMapper } from './rows.ts'

const column = (name: string, reader = 'text') => ({ reader, column: name })
const fields = {
  paymentId: column('id'),
  eventTime: column('at', 'iso'),
  customerId: column('payer'),
  merchantId: column('payee'),
  amountMinor: column('amount', 'decimal'),
  currency: column('currency'),
}
const header = ['id', 'at', 'payer', 'payee', 'amount', 'currency', 'place', 'kind']
const cells = ['1', '2025-03-03T06:00:00Z', 'ann', 'bob', '12.50', 'EUR', '', 'PURCHASE']

const map = (more: object, row: readonly string[] = cells) => {
  const mapper = rowMapper(parseMapping('test', { fields: { ...fields, ...more } }), header, { tokenKey: 'key' })
  return mapper.payment({ cells: row, line: 7 }, 3)
}

const withCell = (name: string, text: string): string[] => cells.map((cell, i) => (header[i] === name ? text : cell))

test('fields that are not mapped hold the defaults of the schema', () => {
  expect(map({})).toMatchObject({
    paymentId: '1',
    eventTime: Date.UTC(2025, 2, 3, 6),
    customerId: 'ann',
    merchantId: 'bob',
    amountMinor: 1250,
    currency: 'EUR',
    totalMinor: null,
    type: 'PURCHASE',
    status: 'APPROVED',
    channel: 'UNKNOWN',
    category: 'unknown',
    geo: null,
    attributes: {},
  })
})

test('the currency of the row decides on the decimals', () => {
  expect(map({}, withCell('currency', 'EUR').with(4, '7')).amountMinor).toBe(700)
  expect(map({}, withCell('currency', 'IRR').with(4, '7')).amountMinor).toBe(7)
  expect(() => map({}, withCell('currency', 'EUX'))).toThrow(
    'line 7, field "amountMinor": the decimals of the currency "EUX" are not known',
  )
})

test('readers', () => {
  expect(map({ paymentId: { reader: 'row', prefix: 'r-' } }).paymentId).toBe('r-3')
  expect(map({ customerId: { reader: 'strip', column: 'payer', prefix: 'a' } }).customerId).toBe('nn')
  expect(map({ customerId: { reader: 'strip', column: 'payer', prefix: 'x' } }).customerId).toBe('ann')
  expect(map({ cardScheme: { reader: 'text', column: 'payer', nothing: 'ann' } }).cardScheme).toBeNull()
  const cases = [
    { equals: 'ann', value: 'ONLINE' },
    { endsWith: 'b', value: 'ATM' },
  ]
  const channel = (name: string, otherwise?: string) =>
    map({ channel: { reader: 'match', column: name, cases, ...(otherwise === undefined ? {} : { otherwise }) } })
      .channel
  expect([channel('payer'), channel('payee'), channel('id'), channel('id', 'POS')]).toEqual([
    'ONLINE',
    'ATM',
    'UNKNOWN',
    'POS',
  ])
})

test('an inner record is there when one of its cells says something', () => {
  const geo = { 'geo.city': column('place'), 'geo.source': { reader: 'const', value: 'CITY' } }
  expect(map(geo).geo).toBeNull()
  expect(map(geo, withCell('place', 'Paris')).geo).toEqual({
    latitude: null,
    longitude: null,
    country: null,
    region: null,
    city: 'Paris',
    postalCode: null,
    source: 'CITY',
  })
})

test('an empty id is left to validation; an empty amount or time is told at once', () => {
  expect(map({}, withCell('id', '')).paymentId).toBe('')
  expect(() => map({}, withCell('amount', ''))).toThrow('line 7, field "amountMinor": the cell is empty')
  expect(() => map({}, withCell('at', ''))).toThrow('line 7, field "eventTime": the cell is empty')
})

test('a symbol that the field does not have is told', () => {
  expect(() => map({ type: column('kind') }, withCell('kind', 'GIFT'))).toThrow(
    'line 7, field "type": "GIFT" is not one of UNKNOWN, PURCHASE, PAYMENT,',
  )
})

test('a row with too few or too many cells is told', () => {
  expect(() => map({}, cells.slice(1))).toThrow('line 7: 7 cells, but the header has 8')
})

test('a column that the file does not have is told', () => {
  expect(() => map({ category: column('sort') })).toThrow(
    'The mapping test: field "category" is read from the column "sort", but the file has id, at, payer,',
  )
})

test.for<[object, string]>([
  [{ fields: {} }, 'The mapping m.json: field "paymentId" is missing; every payment needs it.'],
  [{ columns: {} }, 'The mapping m.json: "columns" means nothing here.'],
  [
    { fields: { ...fields, amountMinr: column('a') } },
    'a payment has no field "amountMinr"; did you mean "amountMinor"?',
  ],
  [
    { fields: { ...fields, amountMinor: column('a', 'decimall') } },
    'there is no reader "decimall"; did you mean "decimal"?',
  ],
  [{ fields: { ...fields, amountMinor: column('a') } }, 'field "amountMinor": the reader "text" gives no integer.'],
  [{ fields: { ...fields, paymentId: { reader: 'text' } } }, 'the reader "text" needs a text as "column".'],
  [
    { fields: { ...fields, paymentId: { ...column('a'), prefx: '' } } },
    '"prefx" means nothing here; did you mean "prefix"?',
  ],
  [{ fields: { ...fields, paymentId: 'id' } }, 'it needs an object like { "reader": "text", "column": "name" }.'],
  [{ fields: { ...fields, type: { reader: 'const', value: 'GIFT' } } }, '"GIFT" is not one of UNKNOWN, PURCHASE'],
  [{ fields: { ...fields, vatMinor: { reader: 'const', value: 1.5 } } }, '1.5 is not integer.'],
  [
    { fields: { ...fields, category: { reader: 'match', column: 'a', cases: [{ value: 'b' }] } } },
    '"cases" must be a list of',
  ],
  [{ fields, labels: { fraud: column('a') } }, 'label "fraud": only the reader "boolean" gives what is needed.'],
  [{ fields, header: 'a,b' }, '"header" must be a list of column names.'],
  [[], 'it must be a JSON object with "fields".'],
])('a mapping that makes no sense is refused: %j', ([json, message]) => {
  expect(() => parseMapping('m.json', json)).toThrow(message)
})
