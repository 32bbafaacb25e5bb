import { Buffer } from 'node:buffer'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BatchBuilder, nextSequence } from './batch.ts'
import { decodeBatches, type DecodeOptions } from './batch-decode.ts'
import { decodeHeaders, encodeHeaders } from '../../../schemas/headers.ts'
import { batchEnd, controlBatch, endOffset, peekBatches, setBaseOffset } from './batch-inspect.ts'
import { Columns } from './columns.ts'
import { compress, decompress, type Compression } from './compression.ts'
import { crc32c } from './crc.ts'

interface Row {
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly { name: string; value: Buffer | null }[]
}

const plain = {
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
  transactional: false,
  compression: 'none',
} as const
const compressions: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

const append = (builder: BatchBuilder, { timestamp, key, value, headers }: Row): void => {
  // The ranges stand inside larger buffers, as they do in the engine.
  const range = (bytes: Buffer | null): readonly [Buffer | null, number, number] =>
    bytes === null ? [null, 0, 0] : [Buffer.concat([Buffer.from('<<'), bytes, Buffer.from('>')]), 2, 2 + bytes.length]
  const bytesOf = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text))
  const block = headers.length === 0 ? null : encodeHeaders(headers)
  builder.append(timestamp, ...range(bytesOf(key)), ...range(bytesOf(value)), ...range(block))
}

const rowsOf = (columns: Columns): Row[] =>
  Array.from({ length: columns.length }, (_, row) => {
    const bytes = columns.buffers[columns.buffer[row]!]!
    const text = (start: number, end: number): string | null => (start < 0 ? null : bytes.toString('utf8', start, end))
    return {
      timestamp: columns.timestamp[row]!,
      key: text(columns.keyStart[row]!, columns.keyEnd[row]!),
      value: text(columns.valueStart[row]!, columns.valueEnd[row]!),
      headers: decodeHeaders(bytes, columns.headersStart[row]!, columns.headersEnd[row]!),
    }
  })

const read = (records: Buffer, options: Partial<DecodeOptions> = {}): { columns: Columns; nextOffset: number } => {
  const columns = new Columns()
  const { nextOffset } = decodeBatches(records, columns, { fetchOffset: 0, aborted: null, ...options })
  return { columns, nextOffset }
}

const batchOf = (rows: readonly Row[], fields = plain as Parameters<BatchBuilder['finish']>[0]): Buffer => {
  const builder = new BatchBuilder()
  for (const row of rows) append(builder, row)
  return builder.finish(fields)
}

const text = fc.option(
  fc.oneof(
    fc.constant(''),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.string({ minLength: 60, maxLength: 300 }),
  ),
)
const row: fc.Arbitrary<Row> = fc.record({
  timestamp: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: -1, max: 2 ** 50 })),
  key: text,
  value: text,
  headers: fc.array(
    fc.record({
      name: fc.string({ maxLength: 10 }),
      value: fc.option(fc.uint8Array({ maxLength: 90 }).map(bytes => Buffer.from(bytes))),
    }),
    { maxLength: 3 },
  ),
})
const rows = fc.array(row, { minLength: 1, maxLength: 70 })

test('what is appended is what is read, for every compression and offset', () => {
  fc.assert(
    fc.property(
      rows,
      fc.constantFrom(...compressions),
      fc.integer({ min: 0, max: 2 ** 52 }),
      (given, compression, offset) => {
        const batch = batchOf(given, { ...plain, compression })
        setBaseOffset(batch, offset, 4)
        const { columns, nextOffset } = read(batch, { fetchOffset: offset })
        expect(rowsOf(columns)).toEqual(given)
        expect([...columns.offset.subarray(0, columns.length)]).toEqual(given.map((_, i) => offset + i))
        expect(nextOffset).toBe(offset + given.length)
      },
    ),
    { numRuns: 300 },
  )
})

test('the header carries what finish was told', () => {
  const builder = new BatchBuilder()
  expect([builder.count, builder.sizeBytes]).toEqual([0, 0])
  const base = { key: 'k', value: 'v', headers: [] }
  for (const timestamp of [50, 20, 190]) append(builder, { timestamp, ...base })
  expect([builder.count, builder.firstTimestamp, builder.sizeBytes]).toEqual([3, 50, 61 + 9 + 9 + 10])
  const batch = builder.finish({
    producerId: 2 ** 40 + 1,
    producerEpoch: 7,
    baseSequence: 99,
    transactional: true,
    compression: 'lz4',
  })
  expect([...peekBatches(batch)]).toMatchObject([
    {
      baseOffset: 0,
      lastOffset: 2,
      leaderEpoch: -1,
      producerId: 2 ** 40 + 1,
      producerEpoch: 7,
      baseSequence: 99,
      count: 3,
      transactional: true,
      control: false,
      compression: 3,
      baseTimestamp: 50,
      maxTimestamp: 190,
      start: 0,
      end: batch.length,
    },
  ])
})

test('a finished batch stays as it is while the next one is built', () => {
  const builder = new BatchBuilder()
  const first = { timestamp: 1, key: 'a', value: 'first', headers: [] }
  append(builder, first)
  const batch = builder.finish(plain)
  expect(() => builder.finish(plain)).toThrow('finished before')
  builder.reset()
  expect([builder.count, builder.sizeBytes, builder.firstTimestamp]).toEqual([0, 0, 0])
  for (let i = 0; i < 100; i++) append(builder, { timestamp: 2, key: 'b', value: 'second', headers: [] })
  builder.finish(plain)
  expect(rowsOf(read(batch).columns)).toEqual([first])
})

test('a record takes no more room than is said beforehand', () => {
  fc.assert(
    fc.property(rows, given => {
      const builder = new BatchBuilder()
      for (const one of given) {
        const before = builder.count === 0 ? 61 : builder.sizeBytes
        append(builder, one)
        const sizes = [one.key, one.value].map(bytes => (bytes === null ? 0 : Buffer.byteLength(bytes)))
        const most = BatchBuilder.recordMaxBytes(sizes[0]!, sizes[1]!, encodeHeaders(one.headers).length)
        expect(builder.sizeBytes - before).toBeLessThanOrEqual(most)
      }
    }),
  )
})

test('a batch without records is refused', () => {
  expect(() => new BatchBuilder().finish(plain)).toThrow('without records')
})

test('sequence numbers wrap after 2^31 - 1', () => {
  expect(nextSequence(0, 5)).toBe(5)
  expect(nextSequence(2147483645, 2)).toBe(2147483647)
  expect(nextSequence(2147483647, 1)).toBe(0)
  expect(nextSequence(2147483640, 10)).toBe(2)
})

const ten = Array.from({ length: 10 }, (_, i): Row => ({ timestamp: i, key: `k${i}`, value: `v${i}`, headers: [] }))

test('records before the offset asked for are left out', () => {
  const batch = batchOf(ten)
  setBaseOffset(batch, 100, 0)
  const { columns, nextOffset } = read(batch, { fetchOffset: 107 })
  expect([...columns.offset.subarray(0, columns.length)]).toEqual([107, 108, 109])
  expect(rowsOf(columns)).toEqual(ten.slice(7))
  expect(nextOffset).toBe(110)
  expect(read(batch, { fetchOffset: 200 })).toMatchObject({ nextOffset: 200, columns: { length: 0 } })
})

test('a batch that is cut off is ignored, at whatever byte', () => {
  const first = batchOf(ten.slice(0, 2))
  const second = batchOf(ten)
  setBaseOffset(second, 2, 0)
  const both = Buffer.concat([first, second])
  for (let size = 0; size < both.length; size++) {
    const cut = both.subarray(0, size)
    const whole = size >= first.length ? 2 : 0
    const { columns, nextOffset } = read(cut)
    expect([columns.length, nextOffset, endOffset(cut, 0), [...peekBatches(cut)].length]).toEqual([
      whole,
      whole,
      whole,
      whole / 2,
    ])
  }
  expect(read(both)).toMatchObject({ nextOffset: 12, columns: { length: 12 } })
})

test('columns are filled one answer after the other, and cleared', () => {
  const columns = new Columns()
  const batch = batchOf(ten)
  decodeBatches(Buffer.concat([batch, batch]), columns, { fetchOffset: 0, aborted: null })
  decodeBatches(batchOf(ten.slice(3)), columns, { fetchOffset: 0, aborted: null })
  expect(rowsOf(columns)).toEqual([...ten, ...ten, ...ten.slice(3)])
  expect(columns.buffers.length).toBe(2)
  const room = columns.capacity
  columns.clear()
  expect([columns.length, columns.buffers.length, columns.capacity]).toEqual([0, 0, room])
})

test('log append time stands in for the timestamps of the records', () => {
  const batch = batchOf(ten)
  batch[22]! |= 8
  batch.writeUInt32BE(crc32c(batch, 21), 17)
  expect(new Set(read(batch).columns.timestamp.subarray(0, 10))).toEqual(new Set([9]))
})

test('a damaged batch is refused with its offset', () => {
  const batch = batchOf(ten)
  setBaseOffset(batch, 4711, 0)
  const source = { topic: 'payments', partition: 3 }
  for (let at = 21; at < batch.length; at += 7) {
    const damaged = Buffer.from(batch)
    damaged[at]! ^= 16
    expect(() => read(damaged, { source })).toThrow(/at offset 4711 is damaged.*payments-3@4711/)
  }
})

test('a damaged batch that is not verified ends in an error or in records, never outside its bytes', () => {
  fc.assert(
    fc.property(rows, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, where, flip) => {
      const batch = batchOf(given)
      batch[57 + (where % (batch.length - 57))]! ^= flip
      const columns = new Columns()
      try {
        decodeBatches(batch, columns, { fetchOffset: 0, aborted: null, verify: false })
      } catch (error) {
        expect(error).toMatchObject({ error: 'CORRUPT_MESSAGE' })
      }
      for (let i = 0; i < columns.length; i++) {
        expect(columns.keyEnd[i]!).toBeLessThanOrEqual(batch.length)
        expect(columns.valueEnd[i]!).toBeLessThanOrEqual(batch.length)
        expect(columns.headersEnd[i]!).toBeLessThanOrEqual(batch.length)
      }
    }),
    { numRuns: 500 },
  )
})

test('a count that cannot be reserves no memory', () => {
  for (const count of [0x7fffffff, 1000, -1]) {
    const batch = batchOf(ten)
    batch.writeInt32BE(count, 57)
    const columns = new Columns()
    const decode = (): unknown => decodeBatches(batch, columns, { fetchOffset: 0, aborted: null, verify: false })
    expect(decode).toThrow(expect.objectContaining({ error: 'CORRUPT_MESSAGE' }))
    expect(columns.capacity).toBe(0)
  }
})

test('lengths that cannot be and old formats are refused', () => {
  const short = batchOf(ten)
  short.writeInt32BE(5, 8)
  expect(() => batchEnd(short, 0)).toThrow('has the length 5')
  const old = batchOf(ten)
  old[16] = 1
  expect(() => read(old)).toThrow('message format 1')
})

test('compressed bytes that cannot be unpacked are damaged records', () => {
  for (const id of [1, 2, 3, 4]) {
    const unpack = (): Buffer => decompress(id, Buffer.from('this is nothing that was ever compressed'))
    expect(unpack).toThrow(expect.objectContaining({ error: 'CORRUPT_MESSAGE' }))
  }
  expect(() => decompress(6, Buffer.alloc(9))).toThrow('Compression 6 is unknown')
})

test('each compressed buffer is one of its own', () => {
  for (const name of compressions.slice(1) as Exclude<Compression, 'none'>[]) {
    const [one, two] = [Buffer.alloc(50_000, 'one'), Buffer.alloc(90_000, 'two')]
    const packed = [compress(name, one), compress(name, two)]
    const unpacked = packed.map(bytes => decompress(compressions.indexOf(name), bytes))
    expect(unpacked[0]!.equals(one) && unpacked[1]!.equals(two)).toBe(true)
  }
})

test('a control batch is passed over', () => {
  const marker = controlBatch({ type: 'commit', producerId: 1, producerEpoch: 0, timestamp: 5, coordinatorEpoch: 0 })
  expect(read(marker)).toMatchObject({ nextOffset: 1, columns: { length: 0 } })
})
