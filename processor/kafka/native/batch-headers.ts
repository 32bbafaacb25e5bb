import { Buffer } from 'node:buffer'
import { countSize, VarintReader, writeVarlong } from './batch-format.ts'
import { KafkaError } from './protocol/errors.ts'

// The headers of one record, as their raw block: a count, then name and value of each with their lengths. The block
// does not depend on its position, so it is passed from record to record as it is.

export interface RecordHeader {
  readonly name: string
  readonly value: Buffer | null
}

export function encodeHeaders(headers: readonly RecordHeader[]): Buffer {
  let size = countSize(headers.length)
  for (const { name, value } of headers) {
    const nameBytes = Buffer.byteLength(name)
    size += countSize(nameBytes) + nameBytes + (value === null ? 1 : countSize(value.length) + value.length)
  }
  const block = Buffer.allocUnsafe(size)
  let at = writeVarlong(block, headers.length, 0)
  for (const { name, value } of headers) {
    at = writeVarlong(block, Buffer.byteLength(name), at)
    at += block.write(name, at)
    at = writeVarlong(block, value === null ? -1 : value.length, at)
    if (value !== null) at += value.copy(block, at)
  }
  return block
}

/** Walks the block and calls `visit` with the ranges of each name and value, until it says `true`. */
function walk(
  buffer: Buffer,
  start: number,
  end: number,
  visit: (nameStart: number, nameEnd: number, valueStart: number, valueEnd: number) => boolean,
): void {
  if (end <= start) return
  const reader = new VarintReader()
  reader.position = start
  const count = reader.varint(buffer)
  for (let i = 0; i < count; i++) {
    const nameSize = reader.varint(buffer)
    const nameStart = reader.position
    const nameEnd = nameStart + nameSize
    reader.position = nameEnd
    const valueSize = reader.varint(buffer)
    const valueStart = reader.position
    const valueEnd = valueStart + Math.max(valueSize, 0)
    if (nameSize < 0 || valueEnd > end) {
      throw new KafkaError('records', 'CORRUPT_MESSAGE', `Header ${i} of a record ends behind the record.`)
    }
    if (visit(nameStart, nameEnd, valueSize < 0 ? -1 : valueStart, valueEnd)) return
    reader.position = valueEnd
  }
}

/** All headers in `[start, end)` of `buffer`; values are views. An empty range has none. */
export function decodeHeaders(buffer: Buffer, start: number, end: number): RecordHeader[] {
  const headers: RecordHeader[] = []
  walk(buffer, start, end, (nameStart, nameEnd, valueStart, valueEnd) => {
    const value = valueStart < 0 ? null : buffer.subarray(valueStart, valueEnd)
    headers.push({ name: buffer.toString('utf8', nameStart, nameEnd), value })
    return false
  })
  return headers
}

/**
 * The value of the last header of that name, as Java's `lastHeader`: a view, null for a null value, undefined when
 * there is none.
 */
export function findHeader(buffer: Buffer, start: number, end: number, name: Buffer): Buffer | null | undefined {
  let found: Buffer | null | undefined
  walk(buffer, start, end, (nameStart, nameEnd, valueStart, valueEnd) => {
    const same = nameEnd - nameStart === name.length && buffer.compare(name, 0, name.length, nameStart, nameEnd) === 0
    if (same) found = valueStart < 0 ? null : buffer.subarray(valueStart, valueEnd)
    return false
  })
  return found
}
