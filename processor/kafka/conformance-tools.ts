import { Buffer } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { onTestFinished } from 'vitest'
import type {
  FetchedPartition,
  GroupMetadata,
  Isolation,
  Kafka,
  PartitionOffset,
  Producer,
  ProducerOptions,
  TopicPartition,
  Transport,
} from '../ports.ts'
import { silentLog, systemWorld } from '../world.ts'

export interface OpenKafka {
  readonly kafka: Kafka
  close(): Promise<void>
}

/**
 * Opens a client; every call reaches the same cluster, as another process would. `wrap` goes between the client and its
 * transport; an adapter without a transport says so by `wraps: false` in the suite's options.
 */
export type MakeKafka = (options?: { readonly wrap?: (transport: Transport) => Transport }) => Promise<OpenKafka>

export const world = systemWorld(silentLog)

const run = randomUUID().slice(0, 8)
let names = 0

/** A name that no other test uses, in this run or an earlier one against the same brokers. */
export const fresh = (what: string): string => `${what}-${run}-${names++}`

/** Opens a client for one test. */
export async function open(makeKafka: MakeKafka, options: Parameters<MakeKafka>[0] = {}): Promise<Kafka> {
  const { kafka, close } = await makeKafka(options)
  onTestFinished(close)
  await kafka.connect()
  return kafka
}

/** Nothing of a test's data is deleted by its age: its timestamps are of 1970 and after. */
export async function newTopic(kafka: Kafka, partitions = 1, configs: Record<string, string> = {}): Promise<string> {
  const name = fresh('topic')
  await kafka.admin().createTopics([{ name, partitions, configs: { 'retention.ms': '-1', ...configs } }])
  return name
}

export async function newProducer(kafka: Kafka, options: Partial<ProducerOptions> = {}): Promise<Producer> {
  const producer = kafka.producer({ transactionalId: fresh('tx'), transactionTimeoutMs: 30_000, ...options })
  onTestFinished(() => producer.close())
  await producer.init()
  return producer
}

export type Text = string | null

export interface Sent {
  readonly key?: Text
  readonly value?: Text
  readonly timestamp?: number
  readonly headers?: readonly (readonly [string, Text])[]
}

const bytesOf = (text: Text | undefined): Buffer | null =>
  text === null || text === undefined ? null : Buffer.from(text)

export function append(producer: Producer, topic: string, partition: number, sent: Sent): void {
  const key = bytesOf(sent.key)
  const value = bytesOf(sent.value)
  const headers = sent.headers === undefined ? null : headerBlock(sent.headers)
  const { timestamp = 1000 } = sent
  const buffer = producer.buffer(topic, partition)
  buffer.append(timestamp, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers, 0, headers?.length ?? 0)
}

export function appendAll(producer: Producer, topic: string, partition: number, values: readonly string[]): void {
  for (const value of values) append(producer, topic, partition, { value })
}

/** The values `name0`, `name1`... */
export const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}${index}`)

const varint = (value: number): Buffer => {
  const bytes: number[] = []
  let rest = value < 0 ? -value * 2 - 1 : value * 2
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}

/** The raw block of the record format: varint count, then length and bytes of each name and value. */
export function headerBlock(headers: readonly (readonly [string, Text])[]): Buffer {
  const parts = [varint(headers.length)]
  for (const [name, value] of headers) {
    parts.push(varint(Buffer.byteLength(name)), Buffer.from(name))
    parts.push(value === null ? varint(-1) : Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)]))
  }
  return Buffer.concat(parts)
}

export interface Row {
  readonly offset: number
  readonly timestamp: number
  readonly key: Text
  readonly value: Text
  /** The raw block as hex; null when there is none. */
  readonly headers: string | null
}

export function rowsOf({ records }: FetchedPartition): Row[] {
  return Array.from({ length: records.length }, (_, row) => {
    const bytes = records.buffers[records.buffer[row]!]!
    const text = (start: number, end: number): Text => (start < 0 ? null : bytes.toString('utf8', start, end))
    const start = records.headersStart[row]!
    const end = records.headersEnd[row]!
    return {
      offset: records.offset[row]!,
      timestamp: records.timestamp[row]!,
      key: text(records.keyStart[row]!, records.keyEnd[row]!),
      value: text(records.valueStart[row]!, records.valueEnd[row]!),
      headers: start < 0 || end <= start + 1 ? null : bytes.toString('hex', start, end),
    }
  })
}

export interface ReadOptions {
  readonly isolation?: Isolation
  readonly partitionMaxBytes?: number
  readonly from?: number
}

/** Reads one partition until its position is `end`. */
export async function readTo(
  kafka: Kafka,
  { topic, partition }: TopicPartition,
  end: number,
  { isolation = 'read_committed', partitionMaxBytes, from = 0 }: ReadOptions = {},
): Promise<{ rows: Row[]; aborted: number; polls: FetchedPartition[] }> {
  const limits = partitionMaxBytes === undefined ? {} : { partitionMaxBytes }
  const fetcher = kafka.fetcher({ isolation, maxWaitMs: 50, ...limits })
  fetcher.assign([{ topic, partition, offset: from }])
  const rows: Row[] = []
  const polls: FetchedPartition[] = []
  let aborted = 0
  for (let position = from; position < end;) {
    for (const fetched of await fetcher.poll(1000)) {
      if (fetched.error !== null) throw new Error(`${topic}-${partition}: ${fetched.error}`)
      polls.push(fetched)
      rows.push(...rowsOf(fetched))
      aborted += fetched.abortedRecords
      position = fetched.nextOffset
    }
  }
  await fetcher.close()
  return { rows, aborted, polls }
}

export const valuesOf = (rows: readonly Row[]): Text[] => rows.map(({ value }) => value)

/** The values that are visible in a partition once all of its transactions are finished. */
export async function visible(kafka: Kafka, topic: string, partition = 0): Promise<Text[]> {
  const end = await settled(kafka, { topic, partition })
  return valuesOf((await readTo(kafka, { topic, partition }, end)).rows)
}

/**
 * Waits until nothing of the partition is pending any more, and answers its end. EndTxn answers before the markers are
 * written.
 */
export async function settled(kafka: Kafka, partition: TopicPartition): Promise<number> {
  const admin = kafka.admin()
  for (;;) {
    const end = await offsetOf(admin.offsets([partition], 'latest', 'read_uncommitted'))
    if (end === (await offsetOf(admin.offsets([partition], 'latest', 'read_committed')))) return end
    await world.scheduler.sleep(5)
  }
}

export const offsetOf = async (answer: Promise<readonly { offset: number }[]>): Promise<number> =>
  (await answer)[0]!.offset

/** Polls until something arrives that `wanted` accepts. */
export async function pollFor(
  fetcher: { poll(timeoutMs: number): Promise<FetchedPartition[]> },
  wanted: (fetched: FetchedPartition) => boolean,
): Promise<FetchedPartition> {
  for (;;) {
    for (const fetched of await fetcher.poll(1000)) if (wanted(fetched)) return fetched
  }
}

export const at = (topic: string, partition: number, offset: number): PartitionOffset => ({ topic, partition, offset })

/** Waits for a condition that another part brings about. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await world.scheduler.sleep(5)
}

/** Offsets of a group without members: the broker checks neither generation nor member. */
export const outside = (groupId: string): GroupMetadata => ({ groupId, memberId: '', generation: -1, instanceId: null })

export const committedOffset = async (kafka: Kafka, groupId: string, topic: string): Promise<number | null> =>
  (await kafka.admin().committed(groupId, [{ topic, partition: 0 }]))[0]!.offset
