import type { Buffer } from 'node:buffer'
import type { Channel } from '../../ports.ts'
import { AppError } from '../../errors.ts'
import { at, readInt64 } from './batch-format.ts'
import { batchHeader, endOffset, peekBatches, type BatchHeader } from './batch-inspect.ts'
import { byTopic, keyOf } from './by-topic.ts'
import { check, errorOf } from './failure.ts'
import { code, type FetchAnswer, type ListOffsetsAnswer } from './messages.ts'
import type { PartitionSink } from './partition-sink.ts'

// A partition knows a batch that comes twice by its sequence, as long as it remembers the producer. How long that is
// goes by the timestamps of the producer's records, not by when they came: what is older than producer.id.expiration.ms
// (KIP-854; a day by default) is forgotten whenever a broker starts, and by one that runs every ten minutes
// (ProducerStateManager.loadFromSnapshot and removeExpiredProducers; only an open transaction is kept). A batch of old
// records that is sent again is then written again, whatever client sends it: Java's does the same. So of such a batch
// the log itself is asked, before it is sent again.

/** Far less than what brokers remember, so that their clock need not be ours. */
const surelyRememberedMs = 3_600_000
const readBytes = 1 << 20

export interface UncertainBatch {
  readonly sink: PartitionSink
  readonly count: number
  readonly bytes: Buffer
  /** It was sent before, and no answer said that it was written. */
  readonly sent: boolean
}

/** Whether all records of a batch are so old that a broker may have forgotten it when it comes again. */
export const mayBeForgotten = (batch: Buffer, nowMs: number): boolean =>
  nowMs - readInt64(batch, at.maxTimestamp) > surelyRememberedMs

/**
 * Answers which of these batches are in the log, of those that were sent before, and notes where the log ends before
 * the first one of a partition is sent. All is asked on the channel that the batches are sent on afterwards: should the
 * broker start anew in between, they never arrive.
 *
 * Throws a `KafkaError`, and an `AppError` when it cannot be known.
 */
export async function findWritten<Batch extends UncertainBatch>(
  channel: Channel,
  batches: readonly Batch[],
): Promise<Batch[]> {
  const asked = batches.filter(({ sent, sink }) => sent || sink.sentFrom === -1)
  const written: Batch[] = []
  if (asked.length === 0) return written
  const ends = await logEnds(channel, asked)
  for (const batch of asked) {
    const { sink } = batch
    const end = ends.get(keyOf(sink.topic, sink.partition))
    if (end === undefined) throw errorOf('ListOffsets', code.requestTimedOut, 'The answer leaves a partition out.')
    if (!batch.sent) {
      sink.logEnd = end
      continue
    }
    const offset = await findIn(channel, batch, end)
    if (offset === null) continue
    sink.nextOffset = offset + batch.count
    written.push(batch)
  }
  return written
}

/** High watermarks. A leader that is new answers them when they have reached what older leaders wrote (KIP-207). */
async function logEnds(channel: Channel, batches: readonly UncertainBatch[]): Promise<Map<string, number>> {
  const answer = await channel.request<ListOffsetsAnswer>('ListOffsets', 7, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [...byTopic(batches.map(({ sink }) => sink))].map(([name, sinks]) => ({
      name,
      partitions: sinks.map(({ partition }) => ({ partitionIndex: partition, currentLeaderEpoch: -1, timestamp: -1 })),
    })),
  })
  const ends = new Map<string, number>()
  for (const { name, partitions } of answer.topics) {
    for (const { partitionIndex, errorCode, offset } of partitions) {
      check('ListOffsets', errorCode, `Partition ${keyOf(name, partitionIndex)}.`)
      ends.set(keyOf(name, partitionIndex), offset)
    }
  }
  return ends
}

/** The offset of a batch that was sent, if it is below `end`. */
async function findIn(channel: Channel, batch: UncertainBatch, end: number): Promise<number | null> {
  const wanted = batchHeader(batch.bytes, 0, batch.bytes.length)
  let offset = batch.sink.sentFrom
  if (offset > end) throw unknowable(batch, `the log ends at offset ${end}: it was cut, or the topic made anew`)
  while (offset < end) {
    const { errorCode, records } = await read(channel, batch.sink, offset)
    if (errorCode === code.offsetOutOfRange) throw unknowable(batch, 'what follows is deleted already')
    if (errorCode === code.topicAuthorizationFailed) throw unknowable(batch, 'this client may not read the topic')
    check('Fetch', errorCode, `Partition ${keyOf(batch.sink.topic, batch.sink.partition)}.`)
    if (records === null) break
    for (const header of peekBatches(records)) if (isSame(header, wanted)) return header.baseOffset
    const next = endOffset(records, offset)
    if (next === offset) break
    offset = next
  }
  if (offset < end) throw errorOf('Fetch', code.requestTimedOut, `Nothing came from offset ${offset} on.`)
  return null
}

async function read(
  channel: Channel,
  { topic, partition }: PartitionSink,
  fetchOffset: number,
): Promise<{ readonly errorCode: number; readonly records: Buffer | null }> {
  const from = { currentLeaderEpoch: -1, fetchOffset, lastFetchedEpoch: -1, logStartOffset: -1 }
  const answer = await channel.request<FetchAnswer>('Fetch', 12, {
    replicaId: -1,
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes: readBytes,
    isolationLevel: 0,
    sessionId: 0,
    sessionEpoch: -1,
    topics: [{ topic, partitions: [{ partition, ...from, partitionMaxBytes: readBytes }] }],
    forgottenTopicsData: [],
    rackId: '',
  })
  check('Fetch', answer.errorCode)
  const found = answer.responses[0]?.partitions[0]
  if (found === undefined) throw errorOf('Fetch', code.requestTimedOut, 'The answer leaves the partition out.')
  return found
}

const isSame = (a: BatchHeader, b: BatchHeader): boolean =>
  a.producerId === b.producerId && a.producerEpoch === b.producerEpoch && a.baseSequence === b.baseSequence

function unknowable({ sink, count }: UncertainBatch, why: string): AppError {
  const { topic, partition, sentFrom } = sink
  return new AppError(
    'KAFKA',
    `Whether a batch of ${count} records was written is not known: its answer was lost, its records are so old that ` +
      `brokers may have forgotten it, and ${why}. To send it again might write it twice. Look for it in the topic, or ` +
      'use a transactional producer, which brokers do not forget.',
    { place: { topic, partition, offset: sentFrom } },
  )
}
