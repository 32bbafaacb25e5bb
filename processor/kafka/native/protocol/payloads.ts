import { Buffer } from 'node:buffer'
import { KafkaError } from './errors.ts'
import { assert } from '../../../errors.ts'
import { structCodec } from './compile.ts'
import { includes, type Payload } from './define.ts'
import { consumerProtocolAssignment } from './messages/consumer-protocol-assignment.ts'
import { consumerProtocolSubscription } from './messages/consumer-protocol-subscription.ts'
import { MalformedBytes, Reader } from './reader.ts'
import type { Codec } from './scalars.ts'
import { Writer } from './writer.ts'

// What members of a classic group tell each other through the broker: two bytes of version, then the structure.

export interface TopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

export interface Subscription {
  readonly topics: readonly string[]
  readonly userData: Buffer | null
  readonly ownedPartitions: readonly TopicPartitions[]
  readonly generationId: number
  readonly rackId: string | null
}

export interface Assignment {
  readonly assignedPartitions: readonly TopicPartitions[]
  readonly userData: Buffer | null
}

export const payloads: readonly Payload[] = [consumerProtocolAssignment, consumerProtocolSubscription]

const codecs = new Map<string, Codec>()

function codecOf(payload: Payload, version: number): Codec {
  const key = `${payload.name} ${version}`
  let codec = codecs.get(key)
  if (codec === undefined) {
    assert(includes(payload.valid, version), `${payload.name} has no version ${version}.`)
    codec = structCodec(payload.fields, { version, flexible: includes(payload.flexible, version), where: payload.name })
    codecs.set(key, codec)
  }
  return codec
}

function encode(payload: Payload, version: number, body: object): Buffer {
  const writer = new Writer()
  writer.int16(version)
  codecOf(payload, version).encode(writer, body)
  return Buffer.concat(writer.chunks())
}

function decode<Body>(payload: Payload, bytes: Buffer): Body {
  try {
    const reader = new Reader(bytes)
    const version = reader.int16()
    if (version < payload.valid.from) throw new MalformedBytes(`version ${version}`)
    // Later versions only add fields at the end, so they are read as the latest that is known.
    return codecOf(payload, Math.min(version, payload.valid.to)).decode(reader) as Body
  } catch (cause) {
    if (!(cause instanceof MalformedBytes)) throw cause
    const message = `Another member of the group sent a ${payload.name} that cannot be read: ${cause.message}.`
    throw new KafkaError('JoinGroup', 'MALFORMED_RESPONSE', message, { cause })
  }
}

export const encodeSubscription = (body: Partial<Subscription>, version = 3): Buffer =>
  encode(consumerProtocolSubscription, version, body)

export const decodeSubscription = (bytes: Buffer): Subscription => decode(consumerProtocolSubscription, bytes)

export const encodeAssignment = (body: Partial<Assignment>, version = 3): Buffer =>
  encode(consumerProtocolAssignment, version, body)

/** An empty one, as a broker sends when the leader assigned nothing, has no partitions. */
export const decodeAssignment = (bytes: Buffer): Assignment =>
  bytes.length === 0 ? { assignedPartitions: [], userData: null } : decode(consumerProtocolAssignment, bytes)
