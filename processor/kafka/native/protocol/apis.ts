import type { Buffer } from 'node:buffer'
import { assert } from '../../../errors.ts'
import { structCodec } from './compile.ts'
import { includes, type Message } from './define.ts'
import { KafkaError, errorCode } from './errors.ts'
import { MalformedBytes, Reader } from './reader.ts'
import type { Codec } from './scalars.ts'
import { messages } from './tables.ts'
import { Writer } from './writer.ts'

// Whole requests and responses: header and body in one frame, as they travel.

interface Compiled {
  readonly message: Message
  readonly flexible: boolean
  readonly request: Codec
  readonly response: Codec
}

export interface DecodedRequest {
  readonly api: string
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly body: unknown
}

const byName = new Map(messages.map(message => [message.name, message]))
const byKey = new Map(messages.map(message => [message.key, message]))
const compiled = new Map<string, Compiled[]>()
const unsupportedVersion = errorCode('UNSUPPORTED_VERSION')

export const apiNames: readonly string[] = messages.map(({ name }) => name)

function messageOf(api: string): Message {
  const message = byName.get(api)
  assert(message !== undefined, `There is no Kafka API ${api} in protocol/messages/.`)
  return message
}

/** The number of an API, as ApiVersions lists it. */
export const apiKey = (api: string): number => messageOf(api).key

/** The name of an API by its number; undefined when it is none of ours. */
export const apiName = (key: number): string | undefined => byKey.get(key)?.name

/** The released versions that the tables know. A broker may offer fewer, or more. */
export function supportedVersions(api: string): { readonly min: number; readonly max: number } {
  const { valid, unstable } = messageOf(api)
  return { min: valid.from, max: unstable ? valid.to - 1 : valid.to }
}

function compiledOf(api: string, version: number): Compiled {
  let versions = compiled.get(api)
  if (versions === undefined) compiled.set(api, (versions = []))
  return (versions[version] ??= compile(messageOf(api), version))
}

function compile(message: Message, version: number): Compiled {
  const { name, valid } = message
  assert(includes(valid, version), `${name} has versions ${valid.from} to ${valid.to}, not ${version}.`)
  const flexible = includes(message.flexible, version)
  return {
    message,
    flexible,
    request: structCodec(message.request, { version, flexible, where: `${name} request` }),
    response: structCodec(message.response, { version, flexible, where: `${name} response` }),
  }
}

/** A client cannot know the version of the answer to its first question, so ApiVersions keeps the oldest header. */
const flexibleResponseHeader = ({ message, flexible }: Compiled): boolean => flexible && message.name !== 'ApiVersions'

function framed(writer: Writer): Buffer[] {
  const size = writer.length - 4
  const chunks = writer.chunks()
  chunks[0]!.writeInt32BE(size, 0)
  return chunks
}

/**
 * A request as it goes over the wire, its length first. `records` fields may be lists of Buffers; they are not copied,
 * so they must stay as they are until the socket has taken them. Throws an `ASSERTION` for a field that does not exist
 * or has the wrong type.
 */
export function encodeRequest(
  api: string,
  version: number,
  body: object,
  correlationId: number,
  clientId: Buffer,
): Buffer[] {
  const { message, flexible, request } = compiledOf(api, version)
  const writer = new Writer()
  writer.int32(0)
  writer.int16(message.key)
  writer.int16(version)
  writer.int32(correlationId)
  writer.int16(clientId.length)
  writer.raw(clientId)
  if (flexible) writer.uvarint(0)
  request.encode(writer, body)
  return framed(writer)
}

/** A response as it goes over the wire, its length first. */
export function encodeResponse(api: string, version: number, body: object, correlationId: number): Buffer[] {
  const entry = compiledOf(api, version)
  const writer = new Writer()
  writer.int32(0)
  writer.int32(correlationId)
  if (flexibleResponseHeader(entry)) writer.uvarint(0)
  entry.response.encode(writer, body)
  return framed(writer)
}

function skipTagged(reader: Reader): void {
  for (let rest = reader.uvarint(); rest > 0; rest--) {
    reader.uvarint()
    reader.skip(reader.uvarint())
  }
}

/** All bytes must be used up: what is left over says that both sides do not mean the same message. */
function decodeWhole(codec: Codec, reader: Reader): unknown {
  const body = codec.decode(reader)
  if (reader.remaining > 0) throw new MalformedBytes(`${reader.remaining} bytes left over`)
  return body
}

function malformed(what: string, api: string, cause: unknown): Error {
  if (!(cause instanceof MalformedBytes)) return cause as Error
  return new KafkaError(api, 'MALFORMED_RESPONSE', `The ${what} cannot be read: ${cause.message}.`, { cause })
}

/** The correlation id of a response frame; the frame is without its length. */
export const correlationIdOf = (frame: Buffer): number => (frame.length < 4 ? -1 : frame.readInt32BE(0))

/**
 * Reads a response frame (without its length). Bytes of the body are views of `frame`. Fields that the version does not
 * have carry their defaults. Throws a `KafkaError` (`MALFORMED_RESPONSE`).
 */
export function decodeResponse(
  api: string,
  version: number,
  frame: Buffer,
): { readonly correlationId: number; readonly body: unknown } {
  const entry = compiledOf(api, version)
  try {
    const reader = new Reader(frame)
    const correlationId = reader.int32()
    if (flexibleResponseHeader(entry)) skipTagged(reader)
    // A broker that does not know this version of ApiVersions says so in version 0 (KIP-511).
    const answersOldest =
      api === 'ApiVersions' && frame.length >= 6 && frame.readInt16BE(4) === unsupportedVersion && version > 0
    const codec = answersOldest ? compiledOf(api, 0).response : entry.response
    return { correlationId, body: decodeWhole(codec, reader) }
  } catch (cause) {
    throw malformed(`answer to ${api} v${version} of ${frame.length} bytes`, api, cause)
  }
}

/** Reads a request frame (without its length), as a broker does. Throws a `KafkaError` (`MALFORMED_RESPONSE`). */
export function decodeRequest(frame: Buffer): DecodedRequest {
  let api = 'request'
  try {
    const reader = new Reader(frame)
    const key = reader.int16()
    const version = reader.int16()
    const correlationId = reader.int32()
    const size = reader.int16()
    const clientId = size < 0 ? null : reader.text(size)
    const message = byKey.get(key)
    if (message === undefined) throw new MalformedBytes(`API key ${key} is unknown`)
    api = message.name
    if (!includes(message.valid, version)) throw new MalformedBytes(`version ${version} is unknown`)
    const { flexible, request } = compiledOf(api, version)
    if (flexible) skipTagged(reader)
    return { api, version, correlationId, clientId, body: decodeWhole(request, reader) }
  } catch (cause) {
    throw malformed(`${api} of ${frame.length} bytes`, api, cause)
  }
}
