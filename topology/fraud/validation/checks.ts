import { Buffer } from 'node:buffer'
import { currencyExponent } from '../../../schemas/payments/currency.ts'
import type { Payment, RejectionError } from '../../../schemas/payments/types.ts'
import { sensitiveField } from './card-data.ts'

/** A decoded record of `payments`, as the checks see it. */
export interface Arrival {
  readonly payment: Payment
  readonly key: string | null
  /** The original bytes. */
  readonly value: Buffer
  readonly headerCount: number
  /** The Kafka record's timestamp, milliseconds: when the payment came in. */
  readonly recordTime: number
}

type Check = (arrival: Arrival) => RejectionError | null

export const largestValueBytes = 1_048_576
const largestKeyBytes = 1_024
const mostHeaders = 100
const longestId = 128
const largestAmountMinor = 1e15
const oldestMs = 86_400_000

/** In the order in which codes are reported. */
const checks: readonly Check[] = [
  checkSize,
  checkIds,
  checkKey,
  checkRange,
  checkTotal,
  checkCurrency,
  checkTime,
  checkDevice,
  checkPlace,
  checkSensitive,
]

const none: readonly RejectionError[] = []

/** Everything that is wrong with a payment, one entry for each code; empty when it is valid. */
export function problemsOf(arrival: Arrival): readonly RejectionError[] {
  let problems: RejectionError[] | null = null
  for (let i = 0; i < checks.length; i++) {
    const problem = checks[i]!(arrival)
    if (problem === null) continue
    if (problems === null) problems = [problem]
    else problems.push(problem)
  }
  return problems ?? none
}

function checkSize({ value, key, headerCount }: Arrival): RejectionError | null {
  if (value.length > largestValueBytes) {
    return {
      code: 'ERR_SIZE',
      field: 'value',
      message: `The value has ${value.length} bytes, more than ${largestValueBytes}.`,
    }
  }
  // A character of UTF-16 takes one to three bytes of UTF-8: most keys need not be counted.
  if (key !== null && key.length * 3 > largestKeyBytes && Buffer.byteLength(key) > largestKeyBytes) {
    return {
      code: 'ERR_SIZE',
      field: 'key',
      message: `The key has ${Buffer.byteLength(key)} bytes, more than ${largestKeyBytes}.`,
    }
  }
  if (headerCount > mostHeaders) {
    return {
      code: 'ERR_SIZE',
      field: 'headers',
      message: `The record has ${headerCount} headers, more than ${mostHeaders}.`,
    }
  }
  return null
}

function checkIds({ payment }: Arrival): RejectionError | null {
  return (
    checkId('paymentId', payment.paymentId) ??
    checkId('customerId', payment.customerId) ??
    checkId('merchantId', payment.merchantId)
  )
}

function checkId(field: string, id: string): RejectionError | null {
  if (id.length === 0) return wrongId(field, 'is empty')
  if (id.length > longestId && Array.from(id).length > longestId)
    return wrongId(field, `has more than ${longestId} characters`)
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i)
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return wrongId(field, 'has a control character')
  }
  return null
}

const wrongId = (field: string, message: string): RejectionError => ({
  code: 'ERR_ID',
  field,
  message: `${field} ${message}.`,
})

function checkKey({ payment, key }: Arrival): RejectionError | null {
  if (key === payment.customerId) return null
  return {
    code: 'ERR_KEY',
    field: 'key',
    message: key === null ? 'The record has no key.' : 'The key is not the customerId.',
  }
}

function checkRange({ payment }: Arrival): RejectionError | null {
  return (
    checkAmount('amountMinor', payment.amountMinor) ??
    checkAmount('vatMinor', payment.vatMinor) ??
    checkAmount('commissionMinor', payment.commissionMinor)
  )
}

function checkAmount(field: string, amountMinor: number): RejectionError | null {
  if (amountMinor >= 0 && amountMinor <= largestAmountMinor) return null
  return { code: 'ERR_RANGE', field, message: `${field} is ${amountMinor}, outside 0 to 10^15.` }
}

function checkTotal({ payment }: Arrival): RejectionError | null {
  const total = payment.totalMinor
  if (total === null) return null
  const { amountMinor, vatMinor, commissionMinor } = payment
  const parts = amountMinor + vatMinor + commissionMinor
  const equal = Number.isSafeInteger(parts)
    ? parts === total
    : BigInt(amountMinor) + BigInt(vatMinor) + BigInt(commissionMinor) === BigInt(total)
  if (equal) return null
  return {
    code: 'ERR_AMOUNT',
    field: 'totalMinor',
    message:
      `totalMinor is ${total}, but amount, VAT and commission make ` +
      `${amountMinor} + ${vatMinor} + ${commissionMinor} = ${parts}.`,
  }
}

function checkCurrency({ payment }: Arrival): RejectionError | null {
  if (currencyExponent(payment.currency) !== undefined) return null
  return {
    code: 'ERR_CURRENCY',
    field: 'currency',
    message: 'currency is not a code of the currency table (ISO 4217, capitals).',
  }
}

function checkTime({ payment, recordTime }: Arrival): RejectionError | null {
  const ageMs = recordTime - payment.eventTime
  if (ageMs >= 0 && ageMs <= oldestMs) return null
  const message =
    ageMs < 0
      ? `eventTime is ${-ageMs} ms after the record came in.`
      : `eventTime is ${ageMs} ms before the record came in.`
  return { code: 'ERR_TIME', field: 'eventTime', message }
}

function checkDevice({ payment }: Arrival): RejectionError | null {
  if (payment.channel !== 'MOBILE') return null
  const os = payment.device?.os
  if (os === 'iOS' || os === 'Android') return null
  return { code: 'ERR_DEVICE', field: 'device.os', message: "A mobile payment's device.os is neither iOS nor Android." }
}

function checkPlace({ payment }: Arrival): RejectionError | null {
  const geo = payment.geo
  if (geo === null) return null
  const { latitude, longitude } = geo
  if (latitude === null && longitude === null) return null
  if (latitude === null || longitude === null) {
    return { code: 'ERR_GEO', field: 'geo', message: 'One of latitude and longitude is missing.' }
  }
  // Written so that NaN is outside.
  if (!(latitude >= -90 && latitude <= 90))
    return { code: 'ERR_GEO', field: 'geo.latitude', message: 'latitude is outside -90 to 90.' }
  if (!(longitude >= -180 && longitude <= 180)) {
    return { code: 'ERR_GEO', field: 'geo.longitude', message: 'longitude is outside -180 to 180.' }
  }
  return null
}

function checkSensitive({ payment, value }: Arrival): RejectionError | null {
  const field = sensitiveField(payment, value)
  if (field === null) return null
  return {
    code: 'ERR_SAD',
    field,
    message: 'Card data that may not be kept: a card number, or a field named cvv, cvc, pin, track1 or track2.',
  }
}
