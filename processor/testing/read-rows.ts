import type { Buffer } from 'node:buffer'
import { decodeHeaders } from '../../schemas/headers.ts'
import type { FetchedPartition, Fetcher, Isolation, Kafka, TopicPartition } from '../ports.ts'

/** A record as bytes. */
export interface Row {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headerNames: readonly string[]
}

export interface TopicRows {
  /** By partition and offset. */
  readonly rows: readonly Row[]
  /** Records of aborted transactions, which are not among the rows. */
  readonly abortedRecords: number
}

export function rowsOf({ records, partition }: FetchedPartition): Row[] {
  return Array.from({ length: records.length }, (_, row) => {
    const bytes = records.buffers[records.buffer[row]!]!
    const range = (start: number, end: number): Buffer | null => (start < 0 ? null : bytes.subarray(start, end))
    const [headersStart, headersEnd] = [records.headersStart[row]!, records.headersEnd[row]!]
    const hasHeaders = headersEnd - headersStart > 1
    return {
      partition,
      offset: records.offset[row]!,
      timestamp: records.timestamp[row]!,
      key: range(records.keyStart[row]!, records.keyEnd[row]!),
      value: range(records.valueStart[row]!, records.valueEnd[row]!),
      headerNames: hasHeaders ? decodeHeaders(bytes, headersStart, headersEnd).map(({ name }) => name) : [],
    }
  })
}

export async function partitionsOf(kafka: Kafka, topic: string): Promise<TopicPartition[]> {
  const found = (await kafka.admin().topics([topic])).get(topic)
  if (found === undefined) throw new Error(`There is no topic ${topic}.`)
  return Array.from({ length: found.partitions }, (_, partition) => ({ topic, partition }))
}

/** Reads topics as they grow. */
export class TopicReader {
  readonly #fetcher: Fetcher
  readonly #topics: ReadonlyMap<string, Row[]>
  readonly #positions = new Map<string, number>()
  #abortedRecords = 0
  #reading: Promise<void> | null = null
  #hasEnds: ((positions: ReadonlyMap<string, number>) => boolean) | null = null

  private constructor(fetcher: Fetcher, partitions: readonly TopicPartition[]) {
    this.#fetcher = fetcher
    this.#topics = new Map(partitions.map(({ topic }) => [topic, []]))
    for (const at of partitions) this.#positions.set(name(at), 0)
    fetcher.assign(partitions.map(at => ({ ...at, offset: 0 })))
  }

  static async open(kafka: Kafka, topics: readonly string[], isolation: Isolation): Promise<TopicReader> {
    const partitions = (await Promise.all(topics.map(topic => partitionsOf(kafka, topic)))).flat()
    return new TopicReader(kafka.fetcher({ isolation, maxWaitMs: 100 }), partitions)
  }

  /** What has come so far. */
  rows(topic: string): readonly Row[] {
    return this.#topics.get(topic)!
  }

  /** Reads in the background, until `finish`. */
  start(): this {
    this.#reading = this.#read()
    return this
  }

  /** Reads up to what is there now under this isolation, and closes. */
  async finish(kafka: Kafka, isolation: Isolation): Promise<ReadonlyMap<string, TopicRows>> {
    const partitions = (await Promise.all([...this.#topics.keys()].map(topic => partitionsOf(kafka, topic)))).flat()
    const ends = await kafka.admin().offsets(partitions, 'latest', isolation)
    this.#hasEnds = positions => ends.every(at => positions.get(name(at))! >= at.offset)
    await (this.#reading ?? this.#read())
    await this.#fetcher.close()
    const order = (a: Row, b: Row): number => a.partition - b.partition || a.offset - b.offset
    const sorted = [...this.#topics].map(([topic, rows]) => [topic, rows.toSorted(order)] as const)
    return new Map(sorted.map(([topic, rows]) => [topic, { rows, abortedRecords: this.#abortedRecords }]))
  }

  /** Stops reading, wherever it is. */
  async close(): Promise<void> {
    this.#hasEnds = () => true
    await this.#reading
    await this.#fetcher.close()
  }

  async #read(): Promise<void> {
    while (this.#hasEnds?.(this.#positions) !== true) {
      for (const fetched of await this.#fetcher.poll(100)) {
        if (fetched.error !== null) throw new Error(`Reading ${name(fetched)} failed: ${fetched.error}`)
        this.#positions.set(name(fetched), fetched.nextOffset)
        this.#abortedRecords += fetched.abortedRecords
        const rows = this.#topics.get(fetched.topic)!
        for (const row of rowsOf(fetched)) rows.push(row)
      }
    }
  }
}

const name = ({ topic, partition }: TopicPartition): string => `${topic} ${partition}`

/** Everything that a topic holds now. */
export async function readTopic(
  kafka: Kafka,
  topic: string,
  isolation: Isolation = 'read_committed',
): Promise<TopicRows> {
  const reader = await TopicReader.open(kafka, [topic], isolation)
  return (await reader.finish(kafka, isolation)).get(topic)!
}
