import type { Buffer } from 'node:buffer'
import type { Payment } from '../../schemas/payments/types.ts'
import { DecodeError, type Serde } from '../../schemas/serde.ts'
import { readText, writeText } from '../../schemas/text.ts'
import type { RecordMeta } from '../process.ts'
import type { Place } from './distance.ts'

/** What is kept of each payment: all that rules may ask of a customer's history. */
export interface PastPayment {
  readonly paymentId: string
  readonly partition: number
  readonly offset: number
  readonly eventTime: number
  readonly amountMinor: number
  readonly currency: string
  /** Not refused or taken back: refused attempts may not raise an average. */
  readonly baseline: boolean
  readonly place: Place | null
}

export function remember(payment: Payment, meta: Pick<RecordMeta, 'partition' | 'offset'>): PastPayment {
  const status = payment.status
  const geo = payment.geo
  const latitude = geo === null ? null : geo.latitude
  const longitude = geo === null ? null : geo.longitude
  return {
    paymentId: payment.paymentId,
    partition: meta.partition,
    offset: meta.offset,
    eventTime: payment.eventTime,
    amountMinor: payment.amountMinor,
    currency: payment.currency,
    baseline: status !== 'DECLINED' && status !== 'FAILED' && status !== 'REVERSED' && status !== 'REFUNDED',
    place: latitude === null || longitude === null ? null : { latitude, longitude },
  }
}

const version = 1
const hasBaseline = 1
const hasPlace = 2

/**
 * A past payment in about 45 bytes, for a month of them is kept for every customer: version, flags, currency (3 bytes),
 * then partition, offset, event time and amount as LEB128, latitude and longitude as doubles, and the id in what is
 * left.
 */
export const pastPayment: Serde<PastPayment> = {
  name: 'past-payment',
  write(payment, out) {
    out.u8(version)
    out.u8((payment.baseline ? hasBaseline : 0) | (payment.place === null ? 0 : hasPlace))
    writeText(payment.currency, out)
    out.uvarint(payment.partition)
    out.uvarint(payment.offset)
    out.uvarint(payment.eventTime)
    out.uvarint(payment.amountMinor)
    if (payment.place !== null) {
      out.f64(payment.place.latitude)
      out.f64(payment.place.longitude)
    }
    writeText(payment.paymentId, out)
  },
  read(bytes, start, end) {
    if (end - start < 9 || bytes[start] !== version)
      throw new DecodeError('ERR_DECODE', 'These bytes hold no past payment of this version.')
    return new ReadPayment(bytes, start, end)
  },
}

/** A past payment in its bytes. What few rules ask for, the id and the place, is read when it is asked for. */
class ReadPayment implements PastPayment {
  readonly partition: number
  readonly offset: number
  readonly eventTime: number
  readonly amountMinor: number
  readonly currency: string
  readonly baseline: boolean
  readonly place: Place | null
  readonly #bytes: Buffer
  readonly #idStart: number
  readonly #end: number

  constructor(bytes: Buffer, start: number, end: number) {
    const flags = bytes[start + 1]!
    cursor = start + 5
    this.partition = readUnsigned(bytes, end)
    this.offset = readUnsigned(bytes, end)
    this.eventTime = readUnsigned(bytes, end)
    this.amountMinor = readUnsigned(bytes, end)
    this.currency = currencyOf(bytes, start + 2)
    this.baseline = (flags & hasBaseline) !== 0
    this.place = (flags & hasPlace) === 0 ? null : readPlace(bytes, end)
    this.#bytes = bytes
    this.#idStart = cursor
    this.#end = end
  }

  get paymentId(): string {
    return readText(this.#bytes, this.#idStart, this.#end)
  }
}

class ReadPlace implements Place {
  readonly #bytes: Buffer
  readonly #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  get latitude(): number {
    return this.#bytes.readDoubleBE(this.#at)
  }

  get longitude(): number {
    return this.#bytes.readDoubleBE(this.#at + 8)
  }
}

/** Where the next field starts. Reading never waits, so one is enough. */
let cursor = 0

function readUnsigned(bytes: Buffer, end: number): number {
  let value = 0
  for (let scale = 1; cursor < end; scale *= 128) {
    const byte = bytes[cursor++]!
    value += (byte & 127) * scale
    if (byte < 128) return value
  }
  throw new DecodeError('ERR_DECODE', 'A past payment ends in the middle of a number.')
}

function readPlace(bytes: Buffer, end: number): Place {
  if (cursor + 16 > end) throw new DecodeError('ERR_DECODE', 'A past payment ends in the middle of its place.')
  cursor += 16
  return new ReadPlace(bytes, cursor - 16)
}

/** One string for each currency, however many payments are read. */
const currencyNames = new Map<number, string>()

function currencyOf(bytes: Buffer, at: number): string {
  const code = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
  let name = currencyNames.get(code)
  if (name === undefined) currencyNames.set(code, (name = readText(bytes, at, at + 3)))
  return name
}
