import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { BatchBuilder } from './batch.ts'
import { decodeBatches, marksAbort, type AbortedTransaction } from './batch-decode.ts'
import { controlBatch, peekBatches, setBaseOffset } from './batch-inspect.ts'
import { Columns } from './columns.ts'

interface Entry {
  readonly producerId: number
  readonly kind: 'data' | 'plain' | 'commit' | 'abort'
  readonly baseOffset: number
  readonly count: number
}

const bytesOf = ({ producerId, kind, baseOffset, count }: Entry, key = Buffer.from('k')): Buffer => {
  const builder = new BatchBuilder()
  const marker = kind === 'commit' || kind === 'abort'
  for (let i = 0; i < count; i++) builder.append(i, key, 0, key.length, key, 0, key.length, null, 0, 0)
  const fields = {
    producerId,
    producerEpoch: 0,
    baseSequence: 0,
    transactional: kind === 'data',
    compression: 'none',
  } as const
  const batch = marker
    ? controlBatch({ type: kind, producerId, producerEpoch: 0, timestamp: 0, coordinatorEpoch: 0 })
    : builder.finish(fields)
  setBaseOffset(batch, baseOffset, 0)
  return batch
}

/** Lays entries one after the other from `baseOffset`. */
const logOf = (baseOffset: number, entries: readonly Omit<Entry, 'baseOffset'>[]): Entry[] => {
  let next = baseOffset
  return entries.map(entry => {
    const laid = { ...entry, baseOffset: next }
    next += entry.count
    return laid
  })
}

const delivered = (
  log: Buffer,
  aborted: readonly AbortedTransaction[],
  fetchOffset = 0,
): { offsets: number[]; left: number } => {
  const columns = new Columns()
  const { abortedRecords } = decodeBatches(log, columns, { fetchOffset, aborted })
  return { offsets: [...columns.offset.subarray(0, columns.length)], left: abortedRecords }
}

test('case A: two aborted transactions of one producer in one answer', () => {
  const log = logOf(0, [
    { producerId: 1, kind: 'data', count: 3 },
    { producerId: 1, kind: 'abort', count: 1 },
    { producerId: 1, kind: 'data', count: 3 },
    { producerId: 1, kind: 'abort', count: 1 },
    { producerId: 1, kind: 'data', count: 2 },
    { producerId: 1, kind: 'commit', count: 1 },
  ])
  const aborted = [
    { producerId: 1, firstOffset: 0 },
    { producerId: 1, firstOffset: 4 },
  ]
  expect(delivered(Buffer.concat(log.map(entry => bytesOf(entry))), aborted)).toEqual({ offsets: [8, 9], left: 6 })
})

test('case B: an aborted transaction whose marker is not in the answer', () => {
  const log = bytesOf({ producerId: 1, kind: 'data', baseOffset: 0, count: 5 })
  expect(delivered(log, [{ producerId: 1, firstOffset: 0 }])).toEqual({ offsets: [], left: 5 })
})

test('case C: two producers, listed in the order in which they ended', () => {
  const log = logOf(0, [
    { producerId: 1, kind: 'data', count: 50 },
    { producerId: 2, kind: 'data', count: 5 },
    { producerId: 2, kind: 'abort', count: 1 },
    { producerId: 1, kind: 'abort', count: 1 },
  ])
  const aborted = [
    { producerId: 2, firstOffset: 50 },
    { producerId: 1, firstOffset: 0 },
  ]
  expect(delivered(Buffer.concat(log.map(entry => bytesOf(entry))), aborted)).toEqual({ offsets: [], left: 55 })
})

test('case D: keys that look like the key of an abort marker, in records that are none', () => {
  const zeros = Buffer.alloc(4)
  const log = logOf(0, [
    { producerId: 1, kind: 'data', count: 1 },
    { producerId: 1, kind: 'data', count: 3 },
    { producerId: 1, kind: 'abort', count: 1 },
  ])
  expect(
    delivered(Buffer.concat(log.map(entry => bytesOf(entry, zeros))), [{ producerId: 1, firstOffset: 0 }]),
  ).toEqual({ offsets: [], left: 4 })
})

test('only an abort marker ends what is aborted', () => {
  const log = logOf(0, [
    { producerId: 1, kind: 'data', count: 2 },
    { producerId: 1, kind: 'commit', count: 1 },
    { producerId: 1, kind: 'data', count: 2 },
  ])
  const bytes = Buffer.concat(log.map(entry => bytesOf(entry)))
  expect(delivered(bytes, [{ producerId: 1, firstOffset: 0 }])).toEqual({ offsets: [], left: 4 })
})

test('a transaction that is listed from within a batch covers the whole batch', () => {
  const log = bytesOf({ producerId: 1, kind: 'data', baseOffset: 0, count: 3 })
  expect(delivered(log, [{ producerId: 1, firstOffset: 2 }])).toEqual({ offsets: [], left: 3 })
  expect(delivered(log, [{ producerId: 1, firstOffset: 3 }])).toEqual({ offsets: [0, 1, 2], left: 0 })
})

test('records of the same producer outside transactions are delivered, and so is everything when reading uncommitted', () => {
  const log = logOf(0, [
    { producerId: 1, kind: 'data', count: 2 },
    { producerId: 1, kind: 'plain', count: 2 },
    { producerId: 2, kind: 'plain', count: 1 },
  ])
  const bytes = Buffer.concat(log.map(entry => bytesOf(entry)))
  expect(delivered(bytes, [{ producerId: 1, firstOffset: 0 }]).offsets).toEqual([2, 3, 4])
  const columns = new Columns()
  decodeBatches(bytes, columns, { fetchOffset: 0, aborted: null })
  expect(columns.length).toBe(5)
})

test('an empty control batch, as compaction leaves it, ends nothing', () => {
  const marker = bytesOf({ producerId: 1, kind: 'abort', baseOffset: 0, count: 1 })
  const [header] = peekBatches(marker)
  expect(marksAbort(marker, header!)).toBe(true)
  expect(marksAbort(marker, { ...header!, count: 0 })).toBe(false)
})

// A plain implementation of the same rules over whole entries, for comparison: CompletedFetch of Java's consumer.
const plainly = (log: readonly Entry[], list: readonly AbortedTransaction[], fetchOffset: number): number[] => {
  let queue = [...list].sort((a, b) => a.firstOffset - b.firstOffset)
  let producers: number[] = []
  const offsets: number[] = []
  for (const { producerId, kind, baseOffset, count } of log) {
    const lastOffset = baseOffset + count - 1
    producers = [
      ...producers,
      ...queue.filter(({ firstOffset }) => firstOffset <= lastOffset).map(one => one.producerId),
    ]
    queue = queue.filter(({ firstOffset }) => firstOffset > lastOffset)
    if (kind === 'abort') producers = producers.filter(one => one !== producerId)
    if (kind === 'abort' || kind === 'commit' || (kind === 'data' && producers.includes(producerId))) continue
    for (let offset = Math.max(baseOffset, fetchOffset); offset <= lastOffset; offset++) offsets.push(offset)
  }
  return offsets
}

/** A small generator with a seed (mulberry32), so that a failing log can be made again. */
const seeded =
  (seed: number) =>
  (limit: number): number => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * limit)
  }

interface Ended extends AbortedTransaction {
  readonly lastOffset: number
}

const randomLog = (random: (limit: number) => number): { log: Entry[]; ended: Ended[]; committed: number[] } => {
  const log: Entry[] = []
  const ended: Ended[] = []
  const open = new Map<number, number[]>()
  const committed: number[] = []
  let next = random(5)
  for (let steps = 5 + random(25); steps > 0; steps--) {
    const producerId = random(3)
    const pending = open.get(producerId)
    const kind = (['data', 'data', 'plain', 'commit', 'abort'] as const)[random(5)]!
    if ((kind === 'commit' || kind === 'abort') && pending === undefined) continue
    if (kind === 'plain' && pending !== undefined) continue
    const count = kind === 'data' || kind === 'plain' ? 1 + random(4) : 1
    const offsets = Array.from({ length: count }, (_, i) => next + i)
    log.push({ producerId, kind, baseOffset: next, count })
    if (kind === 'plain') committed.push(...offsets)
    else if (kind === 'data') open.set(producerId, [...(pending ?? []), ...offsets])
    else {
      if (kind === 'commit') committed.push(...pending!)
      else ended.push({ producerId, firstOffset: pending![0]!, lastOffset: next })
      open.delete(producerId)
    }
    next += count
  }
  // Whatever is still open ends now, as the last stable offset would have it.
  for (const [producerId, pending] of open) {
    log.push({ producerId, kind: 'abort', baseOffset: next, count: 1 })
    ended.push({ producerId, firstOffset: pending[0]!, lastOffset: next++ })
  }
  return { log, ended, committed: committed.sort((a, b) => a - b) }
}

test('1,000 random logs: in one answer, and one batch an answer, exactly the committed records arrive', () => {
  for (let seed = 1; seed <= 1000; seed++) {
    const random = seeded(seed)
    const { log, ended, committed } = randomLog(random)
    if (log.length === 0) continue
    const whole = Buffer.concat(log.map(entry => bytesOf(entry)))
    expect(delivered(whole, ended).offsets, `seed ${seed}`).toEqual(committed)

    // The broker lists the aborted transactions that overlap the batches which it sends.
    const single: number[] = []
    for (const entry of log) {
      const lastOffset = entry.baseOffset + entry.count - 1
      const aborted = ended.filter(one => one.firstOffset <= lastOffset && one.lastOffset >= entry.baseOffset)
      single.push(...delivered(bytesOf(entry), aborted, entry.baseOffset).offsets)
    }
    expect(single, `seed ${seed}, one batch an answer`).toEqual(committed)

    // From any offset, and with a list in any order: the same as the plain implementation.
    const from = log[random(log.length)]!
    const fetchOffset = from.baseOffset + random(from.count)
    const rest = log.filter(entry => entry.baseOffset >= from.baseOffset)
    const listed = ended.filter(one => one.lastOffset >= from.baseOffset).toSorted(() => random(3) - 1)
    const bytes = Buffer.concat(rest.map(entry => bytesOf(entry)))
    expect(delivered(bytes, listed, fetchOffset).offsets, `seed ${seed} from ${fetchOffset}`).toEqual(
      plainly(rest, listed, fetchOffset),
    )
  }
})
