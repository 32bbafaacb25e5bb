import { currencyExponent } from '../../../schemas/payments/currency.ts'
import type { Payment } from '../../../schemas/payments/types.ts'
import type { Emission } from './emission.ts'

/** The codes that apply to a record, in the order of the specification. */
export function codesOf(emission: Emission): string[] {
  const p = emission.payment
  if (p === null) return [emission.failure ?? 'ERR_DECODE']
  const wrong: Record<string, boolean> = {
    ERR_SIZE: tooLarge(emission),
    ERR_ID: [p.paymentId, p.customerId, p.merchantId].some(badId),
    ERR_KEY: emission.key === null || emission.key !== p.customerId,
    ERR_RANGE: [p.amountMinor, p.vatMinor, p.commissionMinor].some(n => n < 0 || n > 1_000_000_000_000_000),
    ERR_AMOUNT:
      p.totalMinor !== null &&
      BigInt(p.totalMinor) !== BigInt(p.amountMinor) + BigInt(p.vatMinor) + BigInt(p.commissionMinor),
    ERR_CURRENCY: currencyExponent(p.currency) === undefined,
    ERR_TIME: p.eventTime > emission.recordTime || p.eventTime < emission.recordTime - 24 * 60 * 60 * 1000,
    ERR_DEVICE: p.channel === 'MOBILE' && !['iOS', 'Android'].includes(p.device?.os ?? ''),
    ERR_GEO: badPlace(p),
    ERR_SAD:
      Object.keys(p.attributes).some(name => /^(cvv|cvc|pin|track1|track2)$/i.test(name)) || allTexts(p).some(hasCard),
  }
  return Object.keys(wrong).filter(code => wrong[code])
}

const utf8 = new TextEncoder()

const tooLarge = ({ value, key, headerCount }: Emission): boolean =>
  (value?.length ?? 0) > 1024 * 1024 || utf8.encode(key ?? '').length > 1024 || (headerCount ?? 0) > 100

const badId = (id: string): boolean => id === '' || Array.from(id).length > 128 || /\p{Cc}/u.test(id)

function badPlace({ geo }: Payment): boolean {
  if (geo === null) return false
  const given = [geo.latitude, geo.longitude].filter(degrees => degrees !== null)
  if (given.length === 0) return false
  if (given.length === 1) return true
  return given.some(Number.isNaN) || Math.abs(geo.latitude!) > 90 || Math.abs(geo.longitude!) > 180
}

/** Every text of the payment, names of attributes included. */
function allTexts(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  const texts: string[] = []
  // Views of Avro bytes show their fields to toJSON only.
  const fields = 'toJSON' in value && typeof value.toJSON === 'function' ? (value.toJSON() as object) : value
  for (const [name, inner] of Object.entries(fields)) {
    texts.push(name)
    if (typeof inner === 'string') texts.push(inner)
    else if (typeof inner === 'object' && inner !== null) texts.push(...allTexts(inner))
  }
  return texts
}

function hasCard(text: string): boolean {
  if (text.length < 13) return false
  for (const run of text.match(/\d+/g) ?? []) {
    if (!/^[2-6]\d{12,18}$/.test(run)) continue
    const digits = run.split('').reverse().map(Number)
    const total = digits
      .map((digit, i) => (i % 2 === 0 ? digit : [0, 2, 4, 6, 8, 1, 3, 5, 7, 9][digit]!))
      .reduce((a, b) => a + b, 0)
    if (total % 10 === 0) return true
  }
  return false
}
