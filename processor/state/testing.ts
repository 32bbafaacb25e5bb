import { Buffer } from 'node:buffer'
import type { PartitionBuffer, RecordColumns } from '../ports.ts'
import type { ReplayRows } from './replays.ts'

export interface LogRecord {
  readonly key: Buffer
  readonly value: Buffer | null
  readonly timestamp: number
}

/** Evicts as often as it takes: one call looks at a bounded number of entries. Pinned ones stay. */
export function evictTo(
  cache: { readonly bytes: number; evict(budgetBytes: number): void },
  budgetBytes: number,
): void {
  for (let round = 0; round < 20 && cache.bytes > budgetBytes; round++) cache.evict(budgetBytes)
}

/** A changelog as a list: what a producer was given, and the columns that a restore would fetch. */
export class TestLog implements PartitionBuffer {
  readonly records: LogRecord[] = []

  append(
    timestamp: number,
    key: Buffer | null,
    keyStart: number,
    keyEnd: number,
    value: Buffer | null,
    valueStart: number,
    valueEnd: number,
  ): void {
    this.records.push({
      timestamp,
      key: Buffer.from(key!.subarray(keyStart, keyEnd)),
      value: value === null ? null : Buffer.from(value.subarray(valueStart, valueEnd)),
    })
  }

  /** Forgets the records from `offset` on: their transaction was aborted. */
  cut(offset: number): void {
    this.records.length = offset
  }

  /** The last value of each key (in hex) that has one. */
  compacted(): ReadonlyMap<string, Buffer> {
    const rows = new Map<string, Buffer>()
    for (const { key, value } of this.records) {
      if (value === null) rows.delete(key.toString('hex'))
      else rows.set(key.toString('hex'), value)
    }
    return rows
  }
}

/** Records as a fetch gives them, all in one buffer. */
export function columnsOf(records: readonly LogRecord[], firstOffset = 0): RecordColumns {
  const parts: Buffer[] = []
  let at = 0
  const place = (bytes: Buffer | null): readonly [number, number] => {
    if (bytes === null) return [-1, -1]
    parts.push(bytes)
    at += bytes.length
    return [at - bytes.length, at]
  }
  const places = records.map(({ key, value }) => [place(key), place(value)] as const)
  const ints = (of: (row: number) => number): Int32Array => Int32Array.from(records, (_, row) => of(row))
  return {
    length: records.length,
    buffers: [Buffer.concat(parts)],
    buffer: ints(() => 0),
    offset: Float64Array.from(records, (_, row) => firstOffset + row),
    timestamp: Float64Array.from(records, record => record.timestamp),
    keyStart: ints(row => places[row]![0][0]),
    keyEnd: ints(row => places[row]![0][1]),
    valueStart: ints(row => places[row]![1][0]),
    valueEnd: ints(row => places[row]![1][1]),
    headersStart: ints(() => 0),
    headersEnd: ints(() => 0),
  }
}

/** The same, all of them. */
export const rowsOf = (records: readonly LogRecord[], firstOffset = 0): ReplayRows => ({
  records: columnsOf(records, firstOffset),
  from: 0,
  to: records.length,
})
