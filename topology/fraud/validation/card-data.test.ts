import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import type { Payment } from '../../../schemas/payments/types.ts'
import { deviceOf, paymentOf, placeOf } from '../oracle/payment.ts'
import { holdsCardNumber, masked, maskPayment, sensitiveField } from './card-data.ts'

const visa = '4111111111111111'
const encoded = (payment: Payment): Buffer => Buffer.from(JSON.stringify(payment))
const fieldOf = (given: Partial<Payment>): string | null => sensitiveField(paymentOf(given), encoded(paymentOf(given)))

test('a card number is a run of 13 to 19 digits that starts with 2 to 6 and passes the check digit', () => {
  expect(holdsCardNumber(visa)).toBe(true)
  expect(holdsCardNumber(`card ${visa}.`)).toBe(true)
  expect(holdsCardNumber('4111111111111112')).toBe(false)
  expect(holdsCardNumber('4222222222222')).toBe(true)
  expect(holdsCardNumber('422222222222')).toBe(false)
  expect(holdsCardNumber('6011000990139424')).toBe(true)
  expect(holdsCardNumber('2223003122003222')).toBe(true)
  // Passes the check digit, but starts with 1 and 7.
  expect(holdsCardNumber('1111111111111117')).toBe(false)
  expect(holdsCardNumber('7000000000000005')).toBe(false)
  expect(holdsCardNumber(`4${'0'.repeat(17)}6`)).toBe(true)
  // 20 digits.
  expect(holdsCardNumber('41111111111111111115')).toBe(false)
})

test('it is found in every text of a payment', () => {
  const texts: Partial<Payment>[] = [
    { paymentId: visa },
    { customerId: visa },
    { merchantId: visa },
    { failureReason: visa },
    { cardScheme: visa },
    { category: visa },
    { product: { id: visa, name: null } },
    { product: { id: 'x', name: visa } },
    { geo: { ...placeOf(null, null), city: visa } },
    { geo: { ...placeOf(null, null), postalCode: visa } },
    { device: deviceOf({ id: visa }) },
    { device: deviceOf({ userAgent: `x ${visa}` }) },
    { customerType: visa },
    { customerSegment: visa },
    { origin: visa },
    { attributes: { note: visa } },
    { attributes: { [visa]: 'note' } },
  ]
  for (const given of texts) expect(fieldOf(given), JSON.stringify(given)).not.toBeNull()
  expect(fieldOf({ device: deviceOf({ id: visa }) })).toBe('device.id')
  expect(fieldOf({ attributes: { note: '1234567890123' } })).toBeNull()
  expect(fieldOf({ amountMinor: 4_111_111_111_111 })).toBeNull()
})

test('the name of a field that is one is not written out', () => {
  expect(fieldOf({ attributes: { [visa]: 'x' } })).toBe('attributes.411111******1111')
})

test('a run of digits is found at any place in the bytes', () => {
  for (let before = 0; before < 30; before++) {
    const payment = paymentOf({ origin: visa })
    const bytes = Buffer.concat([Buffer.alloc(before, '.'), Buffer.from(visa), Buffer.alloc(3, '.')])
    expect(sensitiveField(payment, bytes)).toBe('origin')
  }
})

test('masking keeps the first six and the last four digits, and short runs', () => {
  expect(masked(`a ${visa} 123456789012`)).toBe('a 411111******1111 123456789012')
})

test('the value of a forbidden attribute is masked in the bytes; the original is left alone', () => {
  const payment = paymentOf({ attributes: { cvv: '123', note: '123' } })
  // An Avro map: a count, then each key and value with its length, zig-zag.
  const bytes = Buffer.from('\u0004\u0006cvv\u0006123\u0008note\u0006123\u0000')
  const before = bytes.toString()
  expect(maskPayment(payment, bytes).toString()).toBe('\u0004\u0006cvv\u0006***\u0008note\u0006123\u0000')
  expect(bytes.toString()).toBe(before)
})

test('a forbidden attribute that is not found in the bytes hides all of them', () => {
  const payment = paymentOf({ attributes: { pin: '1234' } })
  expect(maskPayment(payment, Buffer.from('{"pin":"1234"}')).toString()).toBe('*'.repeat(14))
})
