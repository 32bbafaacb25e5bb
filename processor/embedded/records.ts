import type { Buffer } from 'node:buffer'
import { at, VarintReader } from '../kafka/native/batch-format.ts'
import { decompress } from '../kafka/native/compression.ts'
import type { Batch } from './batches.ts'

/** A record within a batch. `start` and `end` are the whole of its bytes, length included, in `payload`. */
export interface RecordRange {
  readonly payload: Buffer
  readonly start: number
  readonly end: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

const reader = new VarintReader()

/** The records of a batch, unpacked. Slower than the client's decoder, but it knows where each record's bytes are. */
export function recordsOf(batch: Batch): RecordRange[] {
  const { bytes, start, end, baseOffset, baseTimestamp, count, compression } = batch
  const packed = bytes.subarray(start + at.records, end)
  const payload = compression === 0 ? packed : decompress(compression, packed)
  const records: RecordRange[] = []
  reader.position = 0
  for (let index = 0; index < count; index++) {
    const from = reader.position
    const length = reader.varint(payload)
    const next = reader.position + length
    reader.position++
    const timestamp = baseTimestamp + reader.varlong(payload)
    const offset = baseOffset + reader.varint(payload)
    const key = range(payload)
    const value = range(payload)
    records.push({ payload, start: from, end: next, offset, timestamp, key, value })
    reader.position = next
  }
  return records
}

function range(payload: Buffer): Buffer | null {
  const length = reader.varint(payload)
  if (length < 0) return null
  const start = reader.position
  reader.position += length
  return payload.subarray(start, reader.position)
}
