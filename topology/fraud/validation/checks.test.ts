import { Buffer } from 'node:buffer'
import { describe, expect, test } from 'vitest'
import type { Payment } from '../../../schemas/payments/types.ts'
import { deviceOf, noon, paymentOf, placeOf } from '../oracle/payment.ts'
import { codesOf } from '../oracle/validate.ts'
import { type Arrival, problemsOf } from './checks.ts'

type Given = Partial<Payment> & { record?: Partial<Omit<Arrival, 'payment'>> }

/** The codes of a payment that is valid but for what is given; the oracle must find the same. */
function codes({ record = {}, ...given }: Given): string[] {
  const payment = paymentOf(given)
  const value = record.value ?? Buffer.from(JSON.stringify(payment))
  const arrival: Arrival = { payment, key: payment.customerId, headerCount: 0, recordTime: noon, ...record, value }
  const found = problemsOf(arrival).map(problem => problem.code)
  const { key, headerCount, recordTime } = arrival
  expect(codesOf({ topic: 'payments', partition: 0, offset: 0, key, headerCount, recordTime, payment, value })).toEqual(
    found,
  )
  return found
}

const day = 86_400_000
const most = 1e15
const cases: readonly [string, Given, string | null][] = [
  ['nothing wrong', {}, null],
  ['a value of 1 MiB', { record: { value: Buffer.alloc(1_048_576) } }, null],
  ['a value of 1 MiB + 1', { record: { value: Buffer.alloc(1_048_577) } }, 'ERR_SIZE'],
  ['100 headers', { record: { headerCount: 100 } }, null],
  ['101 headers', { record: { headerCount: 101 } }, 'ERR_SIZE'],
  ['an empty paymentId', { paymentId: '' }, 'ERR_ID'],
  ['a paymentId of 128 characters', { paymentId: 'x'.repeat(128) }, null],
  ['a paymentId of 129 characters', { paymentId: 'x'.repeat(129) }, 'ERR_ID'],
  ['a paymentId of 128 characters beyond the first plane', { paymentId: '😀'.repeat(128) }, null],
  ['an empty merchantId', { merchantId: '' }, 'ERR_ID'],
  ['a control character', { merchantId: 'm\u001f' }, 'ERR_ID'],
  ['a control character of Latin-1', { merchantId: 'm\u0085' }, 'ERR_ID'],
  ['a space', { merchantId: 'm 1\u00a0' }, null],
  ['a null key', { record: { key: null } }, 'ERR_KEY'],
  ['another key', { record: { key: 'c-2' } }, 'ERR_KEY'],
  ['an amount of 0', { amountMinor: 0 }, null],
  ['an amount of -1', { amountMinor: -1 }, 'ERR_RANGE'],
  ['an amount of 10^15', { amountMinor: most }, null],
  ['an amount of 10^15 + 1', { amountMinor: most + 1 }, 'ERR_RANGE'],
  ['VAT of -1', { vatMinor: -1 }, 'ERR_RANGE'],
  ['a commission of 10^15 + 1', { commissionMinor: most + 1 }, 'ERR_RANGE'],
  ['the total of its parts', { amountMinor: 100, vatMinor: 9, commissionMinor: 2, totalMinor: 111 }, null],
  ['a total that is 1 more', { amountMinor: 100, vatMinor: 9, commissionMinor: 2, totalMinor: 112 }, 'ERR_AMOUNT'],
  ['a total that is 1 less', { amountMinor: 100, vatMinor: 9, commissionMinor: 2, totalMinor: 110 }, 'ERR_AMOUNT'],
  ['the largest total', { amountMinor: most, vatMinor: most, commissionMinor: most, totalMinor: 3 * most }, null],
  ['a currency in small letters', { currency: 'eur' }, 'ERR_CURRENCY'],
  ['no currency of the table', { currency: 'EUX' }, 'ERR_CURRENCY'],
  ['the ingestion time', { eventTime: noon }, null],
  ['1 ms after ingestion', { eventTime: noon + 1 }, 'ERR_TIME'],
  ['ten years ahead', { eventTime: noon + 3_650 * day }, 'ERR_TIME'],
  ['24 h before ingestion', { eventTime: noon - day }, null],
  ['24 h and 1 ms before ingestion', { eventTime: noon - day - 1 }, 'ERR_TIME'],
  ['seconds for milliseconds', { eventTime: noon / 1000 }, 'ERR_TIME'],
  ['mobile by iOS', { channel: 'MOBILE', device: deviceOf({ os: 'iOS' }) }, null],
  ['mobile by Android', { channel: 'MOBILE', device: deviceOf({ os: 'Android' }) }, null],
  ['mobile by ios', { channel: 'MOBILE', device: deviceOf({ os: 'ios' }) }, 'ERR_DEVICE'],
  ['mobile without an OS', { channel: 'MOBILE', device: deviceOf({}) }, 'ERR_DEVICE'],
  ['mobile without a device', { channel: 'MOBILE' }, 'ERR_DEVICE'],
  ['online without a device', { channel: 'ONLINE' }, null],
  ['no coordinates', { geo: placeOf(null, null) }, null],
  ['the poles and the date line', { geo: placeOf(90, -180) }, null],
  ['the other corner', { geo: placeOf(-90, 180) }, null],
  ['0, 0', { geo: placeOf(0, 0) }, null],
  ['a latitude beyond the pole', { geo: placeOf(90.000_001, 0) }, 'ERR_GEO'],
  ['a latitude of NaN', { geo: placeOf(Number.NaN, 0) }, 'ERR_GEO'],
  ['a longitude beyond the line', { geo: placeOf(0, -180.000_001) }, 'ERR_GEO'],
  ['a longitude of infinity', { geo: placeOf(0, Number.POSITIVE_INFINITY) }, 'ERR_GEO'],
  ['a latitude alone', { geo: placeOf(1, null) }, 'ERR_GEO'],
  ['a longitude alone', { geo: placeOf(null, 1) }, 'ERR_GEO'],
  ['a card number as payment id', { paymentId: '4111111111111111' }, 'ERR_SAD'],
  ['a field named CVV', { attributes: { CVV: '123' } }, 'ERR_SAD'],
  ['an attribute named pinned', { attributes: { pinned: 'yes' } }, null],
]

describe('each check, on both sides of its boundary', () => {
  test.each(cases)('%s', (_name, given, code) => {
    expect(codes(given)).toEqual(code === null ? [] : [code])
  })
})

test('a key of 1 KiB is of legal size, one byte more is not; both are no legal id', () => {
  const ofBytes = (size: number): Given => ({ customerId: 'é'.repeat(size / 2) + 'x'.repeat(size % 2) })
  expect(codes(ofBytes(1024))).toEqual(['ERR_ID'])
  expect(codes(ofBytes(1025))).toEqual(['ERR_SIZE', 'ERR_ID'])
})

test('every code that applies is reported, in the order of the table', () => {
  const given: Given = {
    paymentId: '',
    amountMinor: -1,
    totalMinor: 5,
    currency: 'usd',
    eventTime: noon + 1,
    channel: 'MOBILE',
    geo: placeOf(91, 0),
    attributes: { pin: '1234' },
    record: { key: null, headerCount: 101 },
  }
  const all = 'SIZE ID KEY RANGE AMOUNT CURRENCY TIME DEVICE GEO SAD'.split(' ').map(code => `ERR_${code}`)
  expect(codes(given)).toEqual(all)
})

test("Darooghe's sample event has a wrong total, and is old when it is sent today", () => {
  const sample: Given = {
    amountMinor: 850_000,
    vatMinor: 127_500,
    commissionMinor: 17_000,
    totalMinor: 977_500,
    currency: 'IRR',
  }
  expect(codes(sample)).toEqual(['ERR_AMOUNT'])
  expect(codes({ ...sample, totalMinor: 994_500 })).toEqual([])
  expect(codes({ ...sample, record: { recordTime: noon + 100 * day } })).toEqual(['ERR_AMOUNT', 'ERR_TIME'])
})

test('totals beyond the safe integers are compared exactly', () => {
  const amounts = { amountMinor: 2 ** 52, vatMinor: 2 ** 52, commissionMinor: 1 }
  // As doubles, 2^53 + 1 is 2^53.
  expect(codes({ ...amounts, totalMinor: 2 ** 53 })).toEqual(['ERR_RANGE', 'ERR_AMOUNT'])
})
