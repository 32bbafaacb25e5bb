import type { Buffer } from 'node:buffer'
import { ByteWriter } from '../../../schemas/bytes.ts'
import { AppError } from '../../errors.ts'
import { comparePlaces, type TaskPlace } from './places.ts'

// What members of the group tell each other beside what Kafka's own messages say. The first byte is the version of the
// writer, the second the lowest version whose readers understand it: fields are only ever added at the end, so that two
// versions can run side by side while an application is being upgraded.

const version = 1
const readableFrom = 1

const copyKinds = ['local', 'standby', 'warmup', 'active'] as const

/**
 * Why a member has a copy of a task's state: left over from when it ran the task (`local`), kept up to date in case
 * (`standby`), being made so that the task can move there (`warmup`), or its own because it runs the task (`active`).
 */
export type CopyKind = (typeof copyKinds)[number]

export interface StateCopy extends TaskPlace {
  readonly kind: CopyKind
  /** How far it holds the task's changelogs: the sum of the next offsets. Of two copies the larger one is nearer. */
  readonly heldOffset: number
  /** Records of the changelogs that it lacks as far as it knows: 0 also when it does not look. */
  readonly lagRecords: number
}

/** A worker as others know it. */
export interface Identity {
  /** Of the worker; its transactional id, if it has one. Stable over restarts as far as the name of the process is. */
  readonly id: string
  readonly isTransactional: boolean
}

/** A worker, and the tasks that may have open transactions of it. */
export interface Holder extends Identity {
  /** It was a member of the group in that generation. One that was not has to be fenced before its tasks are opened. */
  readonly isPresent: boolean
  /** It did not join that generation, but was still a member. */
  readonly isAsleep: boolean
  /** What it had drawn for its last JoinGroup. */
  readonly nonce: number
  readonly tasks: readonly TaskPlace[]
}

/** Who has what, as the leader of a generation left it. Every member gets it, because every member may lead next. */
export interface Holdings {
  readonly generation: number
  /** The topology whose tasks these are, as `fingerprintOf` names it. */
  readonly topology: string
  readonly holders: readonly Holder[]
}

/** What a member says when it joins. */
export interface MemberData extends Identity {
  /** What it runs, as `fingerprintOf` names it. */
  readonly topology: string
  /** Names the process: workers of one process share a machine, and so do their copies of state. */
  readonly process: string
  readonly worker: number
  /** Drawn for each JoinGroup: one that is still the old one belongs to a static member that did not join again. */
  readonly nonce: number
  /** Tasks that are restored and process records. */
  readonly running: readonly TaskPlace[]
  readonly copies: readonly StateCopy[]
  /** The newest that it knows; null before the first. */
  readonly holdings: Holdings | null
}

/** What a member is told with its assignment. */
export interface AssignmentData {
  /** Tasks that it gets when their owners have given them up: they can be prepared. */
  readonly upcoming: readonly TaskPlace[]
  readonly standbys: readonly TaskPlace[]
  readonly warmups: readonly TaskPlace[]
  readonly holdings: Holdings
}

export function encodeMemberData(data: MemberData): Buffer {
  const out = begin()
  text(out, data.topology)
  text(out, data.process)
  out.uvarint(data.worker)
  writeIdentity(out, data)
  out.uvarint(data.nonce)
  places(out, data.running)
  out.uvarint(data.copies.length)
  for (const { part, partition, kind, heldOffset, lagRecords } of data.copies) {
    out.uvarint(part)
    out.uvarint(partition)
    out.u8(copyKinds.indexOf(kind))
    out.uvarint(heldOffset)
    out.uvarint(lagRecords)
  }
  out.u8(data.holdings === null ? 0 : 1)
  if (data.holdings !== null) writeHoldings(out, data.holdings)
  return out.copy()
}

export function decodeMemberData(bytes: Buffer): MemberData {
  return decode(bytes, reader => ({
    topology: reader.text(),
    process: reader.text(),
    worker: reader.uvarint(),
    ...readIdentity(reader),
    nonce: reader.uvarint(),
    running: reader.places(),
    copies: reader.list(() => {
      const [part, partition] = [reader.uvarint(), reader.uvarint()]
      // A kind that is newer than this reader is a copy like any other.
      const kind = copyKinds[reader.u8()] ?? 'local'
      return { part, partition, kind, heldOffset: reader.uvarint(), lagRecords: reader.uvarint() }
    }),
    holdings: reader.u8() === 0 ? null : readHoldings(reader),
  }))
}

export function encodeAssignmentData(data: AssignmentData): Buffer {
  const out = begin()
  places(out, data.upcoming)
  places(out, data.standbys)
  places(out, data.warmups)
  writeHoldings(out, data.holdings)
  return out.copy()
}

export function decodeAssignmentData(bytes: Buffer): AssignmentData {
  return decode(bytes, reader => ({
    upcoming: reader.places(),
    standbys: reader.places(),
    warmups: reader.places(),
    holdings: readHoldings(reader),
  }))
}

function begin(): ByteWriter {
  const out = new ByteWriter(256)
  out.u8(version)
  out.u8(readableFrom)
  return out
}

function text(out: ByteWriter, value: string): void {
  const body = new ByteWriter(value.length * 3)
  body.text(value)
  out.uvarint(body.length)
  out.raw(body.bytes, 0, body.length)
}

function places(out: ByteWriter, list: readonly TaskPlace[]): void {
  out.uvarint(list.length)
  for (const { part, partition } of list) {
    out.uvarint(part)
    out.uvarint(partition)
  }
}

function writeIdentity(out: ByteWriter, { id, isTransactional }: Identity): void {
  text(out, id)
  out.u8(isTransactional ? 1 : 0)
}

const readIdentity = (reader: PayloadReader): Identity => ({ id: reader.text(), isTransactional: reader.u8() !== 0 })

function writeHoldings(out: ByteWriter, { generation, topology, holders }: Holdings): void {
  out.uvarint(generation)
  text(out, topology)
  out.uvarint(holders.length)
  for (const holder of holders) {
    writeIdentity(out, holder)
    out.u8((holder.isPresent ? 1 : 0) + (holder.isAsleep ? 2 : 0))
    out.uvarint(holder.nonce)
    places(out, holder.tasks.toSorted(comparePlaces))
  }
}

function readHoldings(reader: PayloadReader): Holdings {
  const generation = reader.uvarint()
  const topology = reader.text()
  const holders = reader.list((): Holder => {
    const identity = readIdentity(reader)
    const flags = reader.u8()
    const [isPresent, isAsleep] = [(flags & 1) !== 0, (flags & 2) !== 0]
    return { ...identity, isPresent, isAsleep, nonce: reader.uvarint(), tasks: reader.places() }
  })
  return { generation, topology, holders }
}

function decode<Data>(bytes: Buffer, read: (reader: PayloadReader) => Data): Data {
  const reader = new PayloadReader(bytes)
  const writer = reader.u8()
  const lowest = reader.u8()
  if (lowest <= version) return read(reader)
  throw new AppError(
    'CONFIG',
    `Another process of this application speaks version ${writer} of the group's messages, and this one only ${version}. ` +
      'Upgrade this process too, or start the newer one under another application name.',
  )
}

class PayloadReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  u8(): number {
    const byte = this.#bytes[this.#at++]
    if (byte !== undefined) return byte
    const message = "Another member of the group sent data that cannot be read: is it an application of Millrace's?"
    throw new AppError('CONFIG', message)
  }

  uvarint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8()
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  text(): string {
    const size = this.uvarint()
    const start = this.#at
    this.#at += size
    return this.#bytes.toString('utf8', start, this.#at)
  }

  list<Item>(read: () => Item): Item[] {
    const items: Item[] = []
    for (let left = this.uvarint(); left > 0; left--) items.push(read())
    return items
  }

  places(): TaskPlace[] {
    return this.list(() => ({ part: this.uvarint(), partition: this.uvarint() }))
  }
}
