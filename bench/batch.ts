import { Buffer } from 'node:buffer'
import { BatchBuilder } from '../processor/kafka/native/batch.ts'
import { decodeBatches } from '../processor/kafka/native/batch-decode.ts'
import { Columns } from '../processor/kafka/native/columns.ts'
import type { Compression } from '../processor/kafka/native/compression.ts'

// Records per second of CPU through the record batch codec: `node bench/batch.ts [seconds per case]`. Keys of 16
// bytes, values of 200, batches of 4,500 records (1 MB). The median of five rounds; the rounds of all cases take
// turns. CPU time is that of this thread, so that others on the machine count less than they would by the clock.

const recordsPerBatch = 4_500
const rounds = 5
const roundMs = (Number(process.argv[2] ?? 2.5) * 1000) / rounds

const keys = Buffer.alloc(16 * recordsPerBatch)
const values = Buffer.alloc(200 * recordsPerBatch)
for (let i = 0; i < recordsPerBatch; i++) {
  keys.write(`card-${(i * 7919) % 10_000}`.padEnd(16, '0'), i * 16)
  values.write(JSON.stringify({ id: i * 104_729, amountMinor: (i * 31) % 100_000, merchant: `m-${i % 500}` }), i * 200)
}

const fill = (builder: BatchBuilder): void => {
  for (let i = 0; i < recordsPerBatch; i++) {
    const [key, value] = [i * 16, i * 200]
    builder.append(1_700_000_000_000 + i * 3, keys, key, key + 16, values, value, value + 200, null, 0, 0)
  }
}

const fields = { producerId: 1, producerEpoch: 0, baseSequence: 0, transactional: true } as const

const encoder = (compression: Compression): (() => void) => {
  const builder = new BatchBuilder()
  return () => {
    fill(builder)
    builder.finish({ ...fields, compression })
    builder.reset()
  }
}

const decoder = (compression: Compression, verify: boolean): (() => void) => {
  const builder = new BatchBuilder()
  fill(builder)
  const batch = builder.finish({ ...fields, compression })
  const columns = new Columns()
  return () => {
    columns.clear()
    decodeBatches(batch, columns, { fetchOffset: 0, aborted: [], verify })
    if (columns.length !== recordsPerBatch) throw new Error(`Decoded ${columns.length} records.`)
  }
}

const cases: readonly { readonly name: string; readonly run: () => void }[] = [
  { name: 'encode', run: encoder('none') },
  { name: 'encode lz4', run: encoder('lz4') },
  { name: 'encode zstd', run: encoder('zstd') },
  { name: 'decode, checksum not verified', run: decoder('none', false) },
  { name: 'decode', run: decoder('none', true) },
  { name: 'decode lz4', run: decoder('lz4', true) },
  { name: 'decode zstd', run: decoder('zstd', true) },
]

const usedMs = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

/** Millions of records per second of CPU. */
const measure = (run: () => void, forMs: number): number => {
  const startedMs = usedMs()
  let batches = 0
  do {
    run()
    batches++
  } while (usedMs() - startedMs < forMs)
  return (batches * recordsPerBatch) / (usedMs() - startedMs) / 1000
}

for (const { run } of cases) measure(run, 200)
const results = cases.map(() => [] as number[])
for (let round = 0; round < rounds; round++) {
  for (const [i, { run }] of cases.entries()) results[i]!.push(measure(run, roundMs))
}
for (const [i, { name }] of cases.entries()) {
  const sorted = results[i]!.toSorted((a, b) => a - b)
  const [least, median, most] = [sorted[0]!, sorted[rounds >> 1]!, sorted[rounds - 1]!].map(rate => rate.toFixed(1))
  console.log(`${name.padEnd(32)}${median!.padStart(6)} M records/s  (${least} to ${most})`)
}
