import { Buffer } from 'node:buffer'
import { hash } from 'node:crypto'
import { DecodeError, type Serde } from '../../schemas/serde.ts'
import { type WindowSpec, type WindowState, windowState } from '../state.ts'
import { text } from '../../schemas/serdes.ts'

/**
 * A payment id counts as seen for this long, in event time, to either side. ERR_TIME keeps equal copies within 24 h.
 */
export const seenForMs = 25 * 3_600_000

const hasPrevious = 1
const hasNext = 2

/** What the payments of one customer in 25 hours looked like: 28 bytes each. */
export class SeenPayments {
  bytes: Buffer
  length: number
  /** Whether the slots before and after exist, so that those that do not are not looked up for every payment. */
  neighbours: number

  constructor(bytes: Buffer = Buffer.alloc(0), neighbours = 0) {
    this.bytes = bytes
    this.length = bytes.length
    this.neighbours = neighbours
  }

  add(fingerprint: Fingerprint, timeInSlotMs: number, offset: number): void {
    if (this.length + entryBytes > this.bytes.length) {
      const grown = Buffer.alloc(Math.max(entryBytes, this.bytes.length * 2))
      this.bytes.copy(grown, 0, 0, this.length)
      this.bytes = grown
    }
    const at = this.length
    this.bytes.writeInt32LE(fingerprint.id, at)
    this.bytes.writeInt32LE(fingerprint.id2, at + 4)
    this.bytes.writeInt32LE(fingerprint.body, at + 8)
    this.bytes.writeInt32LE(fingerprint.body2, at + 12)
    this.bytes.writeUInt32LE(timeInSlotMs, at + 16)
    this.bytes.writeUIntLE(offset % 0x1000000000000, at + 20, 6)
    this.bytes.writeUInt16LE(Math.floor(offset / 0x1000000000000), at + 26)
    this.length = at + entryBytes
  }
}

const entryBytes = 28

const seenPayments: Serde<SeenPayments> = {
  name: 'seen-payments',
  write(seen, out) {
    out.u8(seen.neighbours)
    out.raw(seen.bytes, 0, seen.length)
  },
  read(bytes, start, end) {
    if ((end - start) % entryBytes !== 1)
      throw new DecodeError('ERR_DECODE', 'These bytes hold no list of seen payments.')
    // The slice is full, so the first addition copies it: bytes that were read are never written.
    return new SeenPayments(bytes.subarray(start + 1, end), bytes[start])
  },
}

/** Two slots back are enough: a payment is at most one slot late and looks one slot back. */
export const seenState: WindowSpec<string, SeenPayments> = windowState('seen-payments', text, seenPayments, {
  retentionMs: 2 * seenForMs,
})

export type Sighting = 'new' | 'duplicate' | 'conflict'

/**
 * Tells copies of a payment from new ones. Every question is also a note: a payment found new is remembered with its
 * offset, and only what came before an offset counts, so a record that is processed again gets the answer that it got
 * the first time.
 */
export class Seen {
  readonly #state: WindowState<string, SeenPayments>
  readonly #fingerprint: Fingerprint = { id: 0, id2: 0, body: 0, body2: 0 }

  constructor(state: WindowState<string, SeenPayments>) {
    this.#state = state
  }

  note(customerId: string, payment: { paymentId: string; body: Buffer; eventTime: number; offset: number }): Sighting {
    const { eventTime, offset } = payment
    const fingerprint = fill(this.#fingerprint, payment.paymentId, payment.body)
    const slotMs = Math.floor(eventTime / seenForMs) * seenForMs
    const own = this.#state.get(customerId, slotMs)
    const timeMs = eventTime - slotMs
    const neighbours = own === undefined ? hasPrevious | hasNext : own.neighbours
    const previous = (neighbours & hasPrevious) === 0 ? undefined : this.#state.get(customerId, slotMs - seenForMs)
    const next = (neighbours & hasNext) === 0 ? undefined : this.#state.get(customerId, slotMs + seenForMs)
    const found = worst(
      search(own, fingerprint, timeMs, offset),
      worst(
        search(previous, fingerprint, timeMs + seenForMs, offset),
        search(next, fingerprint, timeMs - seenForMs, offset),
      ),
    )
    if (found !== 'new') return found
    if (own === undefined) {
      const created = this.#open(customerId, slotMs, previous, next)
      created.add(fingerprint, timeMs, offset)
      this.#state.put(customerId, slotMs, created)
    } else if (!holdsOffset(own, offset)) {
      own.add(fingerprint, timeMs, offset)
      this.#state.put(customerId, slotMs, own)
    }
    return 'new'
  }

  /** A new slot, known to its neighbours. */
  #open(
    customerId: string,
    slotMs: number,
    previous: SeenPayments | undefined,
    next: SeenPayments | undefined,
  ): SeenPayments {
    const created = new SeenPayments()
    if (previous !== undefined) {
      created.neighbours |= hasPrevious
      previous.neighbours |= hasNext
      this.#state.put(customerId, slotMs - seenForMs, previous)
    }
    if (next !== undefined) {
      created.neighbours |= hasNext
      next.neighbours |= hasPrevious
      this.#state.put(customerId, slotMs + seenForMs, next)
    }
    return created
  }
}

interface Fingerprint {
  id: number
  id2: number
  body: number
  body2: number
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
  return into
}

const word = (digest: string, at: number): number =>
  digest.charCodeAt(at) |
  (digest.charCodeAt(at + 1) << 8) |
  (digest.charCodeAt(at + 2) << 16) |
  (digest.charCodeAt(at + 3) << 24)

/** `timeMs` is measured from the start of the slot that is searched. */
function search(
  seen: SeenPayments | undefined,
  { id, id2, body, body2 }: Fingerprint,
  timeMs: number,
  offset: number,
): Sighting {
  if (seen === undefined) return 'new'
  const bytes = seen.bytes
  let found: Sighting = 'new'
  for (let at = 0; at < seen.length; at += entryBytes) {
    if (bytes.readInt32LE(at) !== id || bytes.readInt32LE(at + 4) !== id2) continue
    if (Math.abs(bytes.readUInt32LE(at + 16) - timeMs) > seenForMs || offsetAt(bytes, at) >= offset) continue
    if (bytes.readInt32LE(at + 8) === body && bytes.readInt32LE(at + 12) === body2) return 'duplicate'
    found = 'conflict'
  }
  return found
}

/** Offsets only grow, so the last one tells, unless records are processed again. */
function holdsOffset(seen: SeenPayments, offset: number): boolean {
  if (seen.length === 0 || offsetAt(seen.bytes, seen.length - entryBytes) < offset) return false
  for (let at = 0; at < seen.length; at += entryBytes) if (offsetAt(seen.bytes, at) === offset) return true
  return false
}

const offsetAt = (bytes: Buffer, at: number): number =>
  bytes.readUIntLE(at + 20, 6) + bytes.readUInt16LE(at + 26) * 0x1000000000000

/** An equal copy is a duplicate, whatever else came under its id. */
const worst = (a: Sighting, b: Sighting): Sighting =>
  a === 'duplicate' || b === 'duplicate' ? 'duplicate' : a === 'conflict' ? a : b
