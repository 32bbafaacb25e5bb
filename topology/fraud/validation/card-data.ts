import { Buffer } from 'node:buffer'
import type { Payment } from '../../../schemas/payments/types.ts'

// Sensitive authentication data and card numbers (PCI DSS 3.3 and 3.4) must not be kept anywhere, not even with a
// rejection.

const shortestCardNumber = 13
const longestCardNumber = 19
const forbiddenNames: ReadonlySet<string> = new Set(['cvv', 'cvc', 'pin', 'track1', 'track2'])

/**
 * The field that holds card data, or null. `bytes` is the encoded payment: most have no run of digits that is long
 * enough.
 */
export function sensitiveField(payment: Payment, bytes: Uint8Array): string | null {
  for (const name in payment.attributes) if (isForbidden(name)) return `attributes.${masked(name)}`
  if (!hasLongDigitRun(bytes)) return null
  for (const [field, text] of textsOf(payment)) if (text !== null && holdsCardNumber(text)) return field
  return null
}

/** Whether some run of 13 to 19 digits starts with 2 to 6 and passes the check digit of ISO/IEC 7812 (Luhn). */
export function holdsCardNumber(text: string): boolean {
  let start = -1
  for (let i = 0; i <= text.length; i++) {
    if (i < text.length && isDigit(text.charCodeAt(i))) {
      if (start < 0) start = i
    } else if (start >= 0) {
      if (isCardNumber(text, start, i)) return true
      start = -1
    }
  }
  return false
}

/** The text with all but the first six and last four digits of each long run of digits replaced by `*`. */
export const masked = (text: string): string => maskBytes(Buffer.from(text)).toString()

/**
 * A copy of an encoded payment without its card data: long runs of digits as in `masked`, and the values of forbidden
 * attributes as stars. Lengths stay, so the bytes still decode.
 */
export function maskPayment(payment: Payment, bytes: Buffer): Buffer {
  const copy = maskBytes(bytes)
  for (const name in payment.attributes) {
    if (isForbidden(name) && !maskAttribute(copy, masked(name), masked(payment.attributes[name]!)))
      return Buffer.alloc(copy.length, '*')
  }
  return copy
}

export function maskBytes(bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes)
  let start = -1
  for (let i = 0; i <= copy.length; i++) {
    if (i < copy.length && isDigit(copy[i]!)) {
      if (start < 0) start = i
    } else if (start >= 0) {
      if (i - start >= shortestCardNumber) copy.fill('*', start + 6, i - 4)
      start = -1
    }
  }
  return copy
}

/**
 * Avro writes an entry of a map as two texts, each with its length in front (a zig-zag varint of one or two bytes
 * here).
 */
function maskAttribute(bytes: Buffer, name: string, value: string): boolean {
  const entry = Buffer.concat([lengthOf(name), Buffer.from(name), lengthOf(value), Buffer.from(value)])
  const valueBytes = Buffer.byteLength(value)
  let found = false
  for (let at = bytes.indexOf(entry); at >= 0; at = bytes.indexOf(entry, at + 1)) {
    bytes.fill('*', at + entry.length - valueBytes, at + entry.length)
    found = true
  }
  return found || valueBytes === 0
}

function lengthOf(text: string): Buffer {
  const bytes: number[] = []
  let rest = Buffer.byteLength(text) * 2
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  bytes.push(rest)
  return Buffer.from(bytes)
}

/** Looks at every 13th byte first: a run that long has a digit there. */
function hasLongDigitRun(bytes: Uint8Array): boolean {
  let at = shortestCardNumber - 1
  while (at < bytes.length) {
    if (!isDigit(bytes[at]!)) {
      at += shortestCardNumber
      continue
    }
    let start = at
    while (start > 0 && isDigit(bytes[start - 1]!)) start--
    let end = at + 1
    while (end < bytes.length && isDigit(bytes[end]!)) end++
    if (end - start >= shortestCardNumber) return true
    at = end + shortestCardNumber
  }
  return false
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39
const isForbidden = (name: string): boolean => forbiddenNames.has(name.toLowerCase())

function isCardNumber(text: string, start: number, end: number): boolean {
  const size = end - start
  const first = text.charCodeAt(start) - 0x30
  if (size < shortestCardNumber || size > longestCardNumber || first < 2 || first > 6) return false
  let sum = 0
  for (let i = end - 1; i >= start; i--) {
    const digit = text.charCodeAt(i) - 0x30
    const doubled = (end - 1 - i) % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

function* textsOf(payment: Payment): Generator<readonly [string, string | null]> {
  const { geo, device, product } = payment
  yield ['paymentId', payment.paymentId]
  yield ['customerId', payment.customerId]
  yield ['merchantId', payment.merchantId]
  yield ['currency', payment.currency]
  yield ['failureReason', payment.failureReason]
  yield ['cardScheme', payment.cardScheme]
  yield ['category', payment.category]
  yield ['customerType', payment.customerType]
  yield ['customerSegment', payment.customerSegment]
  yield ['origin', payment.origin]
  if (product !== null)
    yield* [
      ['product.id', product.id],
      ['product.name', product.name],
    ] as const
  if (geo !== null) {
    const { country, region, city, postalCode } = geo
    yield* [
      ['geo.country', country],
      ['geo.region', region],
      ['geo.city', city],
      ['geo.postalCode', postalCode],
    ] as const
  }
  if (device !== null) {
    for (const field of deviceFields) yield [`device.${field}`, device[field]]
  }
  for (const name in payment.attributes) {
    yield [`attributes.${masked(name)}`, name]
    yield [`attributes.${masked(name)}`, payment.attributes[name]!]
  }
}

const deviceFields = ['id', 'os', 'osVersion', 'model', 'appVersion', 'browser', 'userAgent', 'ipAddress'] as const
