import { expect, test } from 'vitest'
import { ByteWriter } from '../../schemas/bytes.ts'
import { type PastPayment, pastPayment, remember } from './history.ts'
import { noon, paymentOf, placeOf } from './oracle/payment.ts'

const written = (payment: PastPayment) => {
  const out = new ByteWriter(8)
  pastPayment.write(payment, out)
  return out.copy()
}

const example = remember(
  paymentOf({ paymentId: 'zahlung-ü-1', geo: placeOf(-48.8566, 2.3522), currency: 'IRR', status: 'DECLINED' }),
  { partition: 5, offset: 123_456_789 },
)

test.each([
  example,
  { ...example, place: null, baseline: true, offset: 0, partition: 0, amountMinor: 0, paymentId: 'x' },
  { ...example, offset: Number.MAX_SAFE_INTEGER, amountMinor: 1e15, paymentId: 'x'.repeat(128) },
])('a past payment comes back as it was written', payment => {
  const bytes = written(payment)
  const read = pastPayment.read(bytes, 0, bytes.length)
  const { paymentId, place } = read
  const known = place === null ? null : { latitude: place.latitude, longitude: place.longitude }
  expect({ ...read, paymentId, place: known }).toEqual(payment)
})

test('it takes about 40 bytes with a place', () => {
  expect(written({ ...example, paymentId: 'payment-1234' }).length).toBe(5 + 1 + 4 + 6 + 2 + 16 + 12)
})

test('bytes that were cut are refused', () => {
  const bytes = written({ ...example, paymentId: 'x' })
  for (let end = 0; end < bytes.length - 1; end++) expect(() => pastPayment.read(bytes, 0, end)).toThrow(/past payment/)
})

test('what is remembered of a payment', () => {
  expect(example).toEqual({
    paymentId: 'zahlung-ü-1',
    partition: 5,
    offset: 123_456_789,
    eventTime: noon,
    amountMinor: 2_000,
    currency: 'IRR',
    baseline: false,
    place: { latitude: -48.8566, longitude: 2.3522 },
  })
  expect(remember(paymentOf({ geo: placeOf(null, null), status: 'PENDING' }), example)).toMatchObject({
    place: null,
    baseline: true,
  })
})
