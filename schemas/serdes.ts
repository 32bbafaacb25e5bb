import type { Buffer } from 'node:buffer'
import { readInt64, writeInt64 } from './int64.ts'
import { DecodeError, EncodeError, type Serde } from './serde.ts'
import { readText, writeText } from './text.ts'

// Serdes of single values. Numbers are laid out as Java's serializers do: big-endian, of a fixed size.

/** Text as UTF-8. Bytes that are not UTF-8 are refused, and so is half of a surrogate pair. */
export const text: Serde<string> = { name: 'text', write: writeText, read: readText }

/** A signed integer in 4 bytes (Kafka's IntegerSerializer). */
export const int32: Serde<number> = {
  name: 'int32',
  write(value, out) {
    if ((value | 0) !== value) throw new EncodeError(`${String(value)} is no integer of 32 bits.`)
    out.i32(value)
  },
  read(bytes, start, end) {
    checkSize('int32', 4, start, end)
    return (bytes[start]! << 24) | (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!
  },
}

/** A signed integer in 8 bytes (Kafka's LongSerializer) as a number: within the safe integers, both ways. */
export const int64: Serde<number> = {
  name: 'int64',
  write: writeInt64,
  read(bytes, start, end) {
    checkSize('int64', 8, start, end)
    return readInt64(bytes, start)
  },
}

/** A signed integer in 8 bytes as a bigint. */
export const bigint64: Serde<bigint> = {
  name: 'bigint64',
  write(value, out) {
    if (BigInt.asIntN(64, value) !== value) throw new EncodeError(`${value} is no integer of 64 bits.`)
    out.reserve(8)
    out.length = out.bytes.writeBigInt64BE(value, out.length)
  },
  read(bytes, start, end) {
    checkSize('bigint64', 8, start, end)
    return bytes.readBigInt64BE(start)
  },
}

/** A double in 8 bytes (Kafka's DoubleSerializer). */
export const float64: Serde<number> = {
  name: 'float64',
  write(value, out) {
    if (typeof value !== 'number') throw new EncodeError(`${String(value)} is no number.`)
    out.f64(value)
  },
  read(bytes, start, end) {
    checkSize('float64', 8, start, end)
    return bytes.readDoubleBE(start)
  },
}

/** The bytes as they are. What is read is a view: copy it to keep it for long, or it keeps the whole fetched batch. */
export const rawBytes: Serde<Buffer> = {
  name: 'rawBytes',
  write(value, out) {
    if (!(value instanceof Uint8Array)) throw new EncodeError(`Bytes were expected, not ${typeof value}.`)
    out.raw(value)
  },
  read: (bytes, start, end) => bytes.subarray(start, end),
}

/**
 * JSON. `check` turns what was parsed into a `T`, and throws when it is none: it stands at the edge, so it gets
 * `unknown`. Objects may not hold the keys `__proto__`, `constructor` and `prototype`.
 */
export function json<T>(name: string, check: (value: unknown) => T): Serde<T> {
  return {
    name: `json(${name})`,
    write(value, out) {
      const written = JSON.stringify(value)
      if (written === undefined) throw new EncodeError(`${name}: ${typeof value} has no JSON.`)
      writeText(written, out)
    },
    read(bytes, start, end) {
      const source = readText(bytes, start, end)
      try {
        return check(hostile.test(source) ? JSON.parse(source, refuseHostile) : JSON.parse(source))
      } catch (cause) {
        if (cause instanceof DecodeError) throw cause
        throw new DecodeError(
          'ERR_DECODE',
          `No ${name} in JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
          cause,
        )
      }
    },
  }
}

/** What may hold a hostile key, if only as an escape: such texts are parsed the slow way, key by key. */
const hostile = /__proto__|constructor|prototype|\\u/

function refuseHostile(key: string, value: unknown): unknown {
  if (key === '__proto__' || key === 'constructor' || key === 'prototype') {
    throw new DecodeError('ERR_DECODE', `JSON with the key ${key}, which is refused.`)
  }
  return value
}

function checkSize(name: string, size: number, start: number, end: number): void {
  if (end - start !== size) throw new DecodeError('ERR_DECODE', `${name} takes ${size} bytes, not ${end - start}.`)
}

export {
  struct,
  int32Field,
  int64Field,
  bigintField,
  float64Field,
  booleanField,
  textField,
  serdeField,
  listField,
  optional,
  type StructField,
  type StructFields,
  type StructOf,
} from './struct.ts'
