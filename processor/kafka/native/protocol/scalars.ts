import { Buffer } from 'node:buffer'
import { AppError } from '../../../errors.ts'
import type { Scalar } from './define.ts'
import { MalformedBytes, type Reader } from './reader.ts'
import type { Writer } from './writer.ts'

/** How one field is written and read in one version. */
export interface Codec {
  readonly encode: (writer: Writer, value: unknown) => void
  readonly decode: (reader: Reader) => unknown
}

/** The id of no topic. */
export const noUuid = '0'.repeat(32)

export interface ScalarContext {
  readonly flexible: boolean
  readonly nullable: boolean
  /** Message and path of the field, for errors. */
  readonly where: string
}

type FixedSize = Exclude<Scalar, 'string' | 'bytes' | 'records'>

/** A body that cannot be sent is a mistake of the code that made it. */
export function refuse(message: string): never {
  throw new AppError('ASSERTION', message)
}

function uuidOf(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)) return value
  return refuse(`A uuid is 32 lower-case hex digits, not ${String(value)}.`)
}

const fixed: { readonly [Type in FixedSize]: Codec } = {
  bool: { encode: (writer, value) => writer.int8(value ? 1 : 0), decode: reader => reader.int8() !== 0 },
  int8: { encode: (writer, value) => writer.int8(value as number), decode: reader => reader.int8() },
  int16: { encode: (writer, value) => writer.int16(value as number), decode: reader => reader.int16() },
  uint16: { encode: (writer, value) => writer.uint16(value as number), decode: reader => reader.uint16() },
  int32: { encode: (writer, value) => writer.int32(value as number), decode: reader => reader.int32() },
  int64: { encode: (writer, value) => writer.int64(value as number), decode: reader => reader.int64() },
  float64: { encode: (writer, value) => writer.float64(value as number), decode: reader => reader.float64() },
  uuid: { encode: (writer, value) => writer.uuid(uuidOf(value)), decode: reader => reader.uuid() },
}

const isFixed = (type: Scalar): type is FixedSize => Object.hasOwn(fixed, type)

/** A length: compact (one more than it is, 0 for null) in flexible versions, else 16 or 32 bits with -1 for null. */
export function encodeLength(writer: Writer, length: number, flexible: boolean, wide: boolean): void {
  if (flexible) writer.uvarint(length + 1)
  else if (wide) writer.int32(length)
  else writer.int16(length)
}

export function decodeLength(reader: Reader, flexible: boolean, wide: boolean): number {
  const length = flexible ? reader.uvarint() - 1 : wide ? reader.int32() : reader.int16()
  if (length > reader.remaining) throw new MalformedBytes(`a length of ${length} with ${reader.remaining} bytes left`)
  return length
}

export function nullRefused(where: string): never {
  throw new MalformedBytes(`${where} is null, which this version does not allow`)
}

function stringCodec({ flexible, nullable, where }: ScalarContext): Codec {
  return {
    encode(writer, value) {
      if (value === null) {
        if (!nullable) refuse(`${where} may not be null in this version.`)
        encodeLength(writer, -1, flexible, false)
        return
      }
      if (typeof value !== 'string') refuse(`${where} is a string, not ${typeof value}.`)
      const size = Buffer.byteLength(value)
      if (size > 0x7fff) refuse(`${where} has ${size} bytes; Kafka's strings have at most 32767.`)
      encodeLength(writer, size, flexible, false)
      writer.text(value, size)
    },
    decode(reader) {
      const size = decodeLength(reader, flexible, false)
      if (size >= 0) return reader.text(size)
      return nullable ? null : nullRefused(where)
    },
  }
}

function bytesCodec({ flexible, nullable, where }: ScalarContext): Codec {
  return {
    encode(writer, value) {
      if (value === null) {
        if (!nullable) refuse(`${where} may not be null in this version.`)
        encodeLength(writer, -1, flexible, true)
        return
      }
      // Record batches may come as several buffers, so that they need not be joined.
      const parts = (Array.isArray(value) ? value : [value]) as readonly unknown[]
      let size = 0
      for (const part of parts) {
        if (!Buffer.isBuffer(part)) refuse(`${where} is a Buffer or a list of them, not ${typeof part}.`)
        size += part.length
      }
      encodeLength(writer, size, flexible, true)
      for (const part of parts) writer.raw(part as Buffer)
    },
    decode(reader) {
      const size = decodeLength(reader, flexible, true)
      if (size >= 0) return reader.raw(size)
      return nullable ? null : nullRefused(where)
    },
  }
}

export function scalarCodec(type: Scalar, context: ScalarContext): Codec {
  if (isFixed(type)) return fixed[type]
  return type === 'string' ? stringCodec(context) : bytesCodec(context)
}

/** What a field without a default of its own starts from. */
export function zeroOf(type: Scalar): unknown {
  switch (type) {
    case 'bool':
      return false
    case 'string':
      return ''
    case 'bytes':
    case 'records':
      return Buffer.alloc(0)
    case 'uuid':
      return noUuid
    default:
      return 0
  }
}
