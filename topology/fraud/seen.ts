import { hash } from 'node:crypto'
import type { Buffer } from 'node:buffer'
import { DecodeError, type Serde } from '../../schemas/serde.ts'
import { text } from '../../schemas/serdes.ts'
import { logState, type LogSpec, type LogState } from '../state.ts'

/**
 * A payment id counts as seen for this long, in event time, to either side. ERR_TIME keeps equal copies within 24 h.
 */
export const seenForMs = 25 * 3_600_000

/** What a payment looked like: hashes of its id (64 bits) and of its bytes (128 bits), and where it was found. */
export interface Fingerprint {
  id: number
  id2: number
  body: number
  body2: number
  body3: number
  body4: number
  offset: number
}

const newFingerprint = (): Fingerprint => ({ id: 0, id2: 0, body: 0, body2: 0, body3: 0, body4: 0, offset: 0 })

/** What is read is the same object every time: many are looked at for each payment, and none is kept. */
const read = newFingerprint()
const hashBytes = 24
const offsetBytes = 7

const fingerprint: Serde<Fingerprint> = {
  name: 'payment-fingerprint',
  write(value, out) {
    out.i32(value.id)
    out.i32(value.id2)
    out.i32(value.body)
    out.i32(value.body2)
    out.i32(value.body3)
    out.i32(value.body4)
    const bytes = out.reserve(offsetBytes)
    bytes.writeUIntLE(value.offset % 0x1000000000000, out.length, 6)
    bytes[out.length + 6] = Math.floor(value.offset / 0x1000000000000)
    out.length += offsetBytes
  },
  read(bytes, start, end) {
    if (end - start !== hashBytes + offsetBytes)
      throw new DecodeError('ERR_DECODE', 'These bytes hold no fingerprint of a payment.')
    read.id = int32(bytes, start)
    read.id2 = int32(bytes, start + 4)
    read.body = int32(bytes, start + 8)
    read.body2 = int32(bytes, start + 12)
    read.body3 = int32(bytes, start + 16)
    read.body4 = int32(bytes, start + 20)
    const at = start + hashBytes
    const low = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
    read.offset = low + (bytes[at + 4]! + bytes[at + 5]! * 256 + bytes[at + 6]! * 65_536) * 4_294_967_296
    return read
  },
}

/** Big-endian. `readInt32BE` checks its arguments, which costs more than the sum. */
const int32 = (bytes: Buffer, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!

/** Twice the time: a payment may be a day late, and looks as far back from there. */
export const seenState: LogSpec<string, Fingerprint> = logState('seen-payments', text, fingerprint, {
  retentionMs: 2 * seenForMs,
})

export type Sighting = 'new' | 'duplicate' | 'conflict'

/**
 * Tells copies of a payment from new ones. Every question is also a note: a payment found new is remembered with its
 * offset, and only what came before an offset counts, so a record that is processed again gets the answer that it got
 * the first time.
 */
export class Seen {
  readonly #state: LogState<string, Fingerprint>
  readonly #asked = newFingerprint()
  #found: Sighting = 'new'
  /** This very record is there: it is processed again. */
  #isNoted = false

  constructor(state: LogState<string, Fingerprint>) {
    this.#state = state
  }

  note(customerId: string, payment: { paymentId: string; body: Buffer; eventTime: number; offset: number }): Sighting {
    const { eventTime, offset } = payment
    fill(this.#asked, payment.paymentId, payment.body)
    this.#asked.offset = offset
    this.#found = 'new'
    this.#isNoted = false
    this.#state.scan(customerId, eventTime - seenForMs, eventTime + seenForMs, this.#compare)
    if (this.#found === 'new' && !this.#isNoted) this.#state.append(customerId, eventTime, this.#asked)
    return this.#found
  }

  /** An equal copy is a duplicate, whatever else came under its id. Answers whether to look on. */
  readonly #compare = (past: Fingerprint): boolean => {
    const asked = this.#asked
    if (past.offset === asked.offset) this.#isNoted = true
    if (past.id !== asked.id || past.id2 !== asked.id2 || past.offset >= asked.offset) return true
    const isEqual =
      past.body === asked.body && past.body2 === asked.body2 && past.body3 === asked.body3 && past.body4 === asked.body4
    this.#found = isEqual ? 'duplicate' : 'conflict'
    return !isEqual
  }
}

/**
 * The body's is cut from SHA-256: whoever could make two bodies collide could hide a payment. The id's need not be
 * strong: if two ids collide, their bodies still differ, and the second is rejected in plain sight.
 */
function fill(into: Fingerprint, paymentId: string, body: Buffer): Fingerprint {
  const digest = hash('sha256', body, 'binary')
  let first = 0x811c9dc5
  let second = 0x9747b28c
  for (let i = 0; i < paymentId.length; i++) {
    const code = paymentId.charCodeAt(i)
    first = Math.imul(first ^ code, 0x01000193)
    second = Math.imul(second + code, 0x85ebca6b) ^ (second >>> 15)
  }
  into.id = first | 0
  into.id2 = second | 0
  into.body = word(digest, 0)
  into.body2 = word(digest, 4)
  into.body3 = word(digest, 8)
  into.body4 = word(digest, 12)
  return into
}

const word = (digest: string, at: number): number =>
  digest.charCodeAt(at) |
  (digest.charCodeAt(at + 1) << 8) |
  (digest.charCodeAt(at + 2) << 16) |
  (digest.charCodeAt(at + 3) << 24)
