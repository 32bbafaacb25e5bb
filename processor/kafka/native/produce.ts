import type { Buffer } from 'node:buffer'
import { AppError } from '../../errors.ts'
import { keyOf } from './by-topic.ts'
import type { Cluster } from './cluster.ts'
import { errorOf, isRetriable, nameOf } from './failure.ts'
import { findWritten } from './lost-answers.ts'
import { code, type ProduceAnswer } from './messages.ts'
import type { PartitionSink } from './partition-sink.ts'
import { brokerError } from './protocol/errors.ts'

/** A finished batch on its way. Its bytes, and so its sequence, stay the same however often it is sent. */
export interface OutgoingBatch {
  readonly sink: PartitionSink
  readonly count: number
  readonly bytes: Buffer
  /** Brokers may not know it again: the log is asked before it is sent again. */
  readonly forgettable: boolean
  /** An attempt was made. */
  sent: boolean
  /** An attempt has failed in a way that may have left the broker without this batch, or with it. */
  disturbed: boolean
  outOfOrder: number
}

export interface ProduceOptions {
  readonly transactionalId: string | null
  /** Version 12 adds the partition to the transaction by itself (KIP-890). */
  readonly version: number
  readonly purpose: string
  readonly signal: AbortSignal
  readonly deadlineMs: number
}

const requestMaxBytes = 8 << 20
/**
 * OUT_OF_ORDER_SEQUENCE_NUMBER means loss, but for a batch that was refused with CONCURRENT_TRANSACTIONS or whose
 * leader moved: there it passes. This often it is asked again.
 */
const outOfOrderAttempts = 10

/**
 * Sends at most one batch of each partition, one request (or a few, when large) to each leader, and resolves when all
 * are acknowledged. Batches that fail with what waiting may mend are sent again, byte for byte: the broker knows a
 * batch that it has by its sequence, and one that it may have forgotten is looked for in the log (lost-answers.ts).
 */
export async function produce(
  cluster: Cluster,
  options: ProduceOptions,
  batches: readonly OutgoingBatch[],
): Promise<void> {
  const { signal, deadlineMs } = options
  let left = batches
  await cluster.retry('Producing', { signal, deadlineMs }, async () => {
    const requests = await plan(cluster, left)
    const failures: { readonly batch: OutgoingBatch; readonly error: AppError }[] = []
    const fail = (batch: OutgoingBatch, error: AppError): void => void failures.push({ batch, error })
    await Promise.all(requests.map(request => send(cluster, options, request, fail)))
    left = failures.map(({ batch }) => batch)
    const fatal = failures.find(({ batch, error }) => !mayRetry(batch, error))
    if (fatal !== undefined) throw fatal.error
    const first = failures[0]
    if (first === undefined) return
    await cluster.refreshQuietly([...new Set(left.map(({ sink }) => sink.topic))])
    // Its own mark may say otherwise (OUT_OF_ORDER_SEQUENCE_NUMBER): the loop goes by this one.
    throw isRetriable(first.error) ? first.error : errorOf('Produce', code.requestTimedOut, first.error.message)
  })
}

interface LeaderRequest {
  readonly broker: number
  readonly batches: readonly OutgoingBatch[]
}

async function plan(cluster: Cluster, batches: readonly OutgoingBatch[]): Promise<LeaderRequest[]> {
  for (const topic of new Set(batches.map(({ sink }) => sink.topic))) await cluster.topic(topic)
  // All at once: when brokers come back, asking for one topic an attempt takes as many pauses as there are topics.
  const isLeaderless = ({ sink }: OutgoingBatch): boolean =>
    cluster.metadata.leader(sink.topic, sink.partition) === null
  const leaderless = new Set(batches.filter(isLeaderless).map(({ sink }) => sink.topic))
  if (leaderless.size > 0) await cluster.refreshQuietly([...leaderless])
  const requests: LeaderRequest[] = []
  const current = new Map<number, { bytes: number; list: OutgoingBatch[] }>()
  for (const batch of batches) {
    const { topic, partition } = batch.sink
    const leader = cluster.metadata.leader(topic, partition)
    if (leader === null) throw errorOf('Produce', code.leaderNotAvailable, `Partition ${keyOf(topic, partition)}.`)
    const request = current.get(leader.broker)
    if (request === undefined || request.bytes + batch.bytes.length > requestMaxBytes) {
      const list = [batch]
      current.set(leader.broker, { bytes: batch.bytes.length, list })
      requests.push({ broker: leader.broker, batches: list })
    } else {
      request.bytes += batch.bytes.length
      request.list.push(batch)
    }
  }
  return requests
}

async function send(
  cluster: Cluster,
  options: ProduceOptions,
  request: LeaderRequest,
  fail: (batch: OutgoingBatch, error: AppError) => void,
): Promise<void> {
  const unanswered = new Map(request.batches.map(batch => [keyOf(batch.sink.topic, batch.sink.partition), batch]))
  try {
    const channel = await cluster.channel(request.broker, options.purpose)
    const forgettable = request.batches.filter(batch => batch.forgettable)
    for (const { sink } of await findWritten(channel, forgettable)) unanswered.delete(keyOf(sink.topic, sink.partition))
    const batches = [...unanswered.values()]
    if (batches.length === 0) return
    for (const batch of batches) batch.sent = true
    const body = requestBody(cluster, options, batches)
    const answer = await channel.request<ProduceAnswer>('Produce', options.version, body)
    for (const { name, partitionResponses } of answer.responses) {
      for (const { index, errorCode, errorMessage, baseOffset } of partitionResponses) {
        const key = keyOf(name, index)
        const batch = unanswered.get(key)
        if (batch === undefined) continue
        unanswered.delete(key)
        if (errorCode === code.none) batch.sink.nextOffset = baseOffset + batch.count
        // It was written by an attempt so long ago that the broker has forgotten where.
        if (errorCode === code.none || errorCode === code.duplicateSequenceNumber) continue
        fail(batch, refused(batch, errorCode, errorMessage))
      }
    }
    for (const batch of unanswered.values()) {
      fail(batch, errorOf('Produce', code.requestTimedOut, 'The answer leaves the partition out.'))
    }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    for (const batch of unanswered.values()) fail(batch, error)
  }
}

function requestBody(cluster: Cluster, options: ProduceOptions, batches: readonly OutgoingBatch[]): object {
  const topics = new Map<string, { index: number; records: Buffer }[]>()
  for (const { sink, bytes } of batches) {
    const item = { index: sink.partition, records: bytes }
    const list = topics.get(sink.topic)
    if (list === undefined) topics.set(sink.topic, [item])
    else list.push(item)
  }
  return {
    transactionalId: options.transactionalId,
    acks: -1,
    timeoutMs: cluster.requestTimeoutMs,
    topicData: [...topics].map(([name, partitionData]) => ({ name, partitionData })),
  }
}

function refused(batch: OutgoingBatch, errorCode: number, errorMessage: string | null): AppError {
  const { topic, partition } = batch.sink
  const place = { topic, partition }
  if (errorCode === code.messageTooLarge || errorCode === code.recordListTooLarge) {
    const detail =
      `${batch.count} records in a batch of ${batch.bytes.length} bytes are more than the topic takes. ` +
      'Raise its max.message.bytes, or make the records smaller.'
    return brokerError('Produce', errorCode, { detail, place })
  }
  return brokerError('Produce', errorCode, { detail: errorMessage, place })
}

function mayRetry(batch: OutgoingBatch, error: AppError): boolean {
  if (error.retriable) {
    batch.disturbed = true
    return true
  }
  if (nameOf(error) !== 'OUT_OF_ORDER_SEQUENCE_NUMBER' || !batch.disturbed) return false
  return ++batch.outOfOrder <= outOfOrderAttempts
}
