import type { Buffer } from 'node:buffer'
import type { Serde } from '../../schemas/serde.ts'
import { AppError } from '../errors.ts'
import { decodeHeaders, type HeaderEntry } from '../../schemas/headers.ts'
import type { DriverLog, LoggedRecord } from './driver-log.ts'

export interface OutputRecord<K, V> {
  readonly key: K
  readonly value: V
  readonly timestamp: number
  readonly headers: readonly HeaderEntry[]
  readonly partition: number
  readonly offset: number
}

/** A topic that the test reads: what is committed, in the order in which it was written to each partition. */
export class DriverOutput<out K, out V> {
  readonly #topic: string
  readonly #logs: readonly DriverLog[]
  readonly #key: Serde<any>
  readonly #value: Serde<any>
  readonly #positions: number[]

  constructor(
    topic: string,
    logs: readonly DriverLog[],
    serdes: { readonly key: Serde<any>; readonly value: Serde<any> },
  ) {
    this.#topic = topic
    this.#logs = logs
    this.#key = serdes.key
    this.#value = serdes.value
    this.#positions = logs.map(() => 0)
  }

  /** Records that were not read yet. */
  get size(): number {
    return this.#logs.reduce((sum, log, partition) => sum + log.nextOffset - this.#positions[partition]!, 0)
  }

  get isEmpty(): boolean {
    return this.size === 0
  }

  /** The next record; of several partitions the lowest first. Throws when there is none. */
  read(): OutputRecord<K, V> {
    for (const [partition, log] of this.#logs.entries()) {
      const offset = this.#positions[partition]!
      const record = log.at(offset)
      if (record === undefined) continue
      this.#positions[partition] = offset + 1
      return this.#decode(record, partition)
    }
    throw new AppError(
      'CONFIG',
      `The topic '${this.#topic}' has no more records. What is not committed yet cannot be read.`,
    )
  }

  readAll(): OutputRecord<K, V>[] {
    const records: OutputRecord<K, V>[] = []
    while (!this.isEmpty) records.push(this.read())
    return records
  }

  readValues(): V[] {
    return this.readAll().map(({ value }) => value)
  }

  readKeyValues(): [K, V][] {
    return this.readAll().map(({ key, value }) => [key, value])
  }

  /** The last value of each key that was not read yet: what the topic comes to as a table. */
  readTable(): Map<K, V> {
    const rows = new Map<K, V>()
    for (const { key, value } of this.readAll()) {
      if (value === null) rows.delete(key)
      else rows.set(key, value)
    }
    return rows
  }

  #decode({ key, value, timestamp, headers, offset }: LoggedRecord, partition: number): OutputRecord<K, V> {
    return {
      key: decoded(this.#key, key) as K,
      value: decoded(this.#value, value) as V,
      timestamp,
      headers: decodeHeaders(headers, 0, headers.length),
      partition,
      offset,
    }
  }
}

export const decoded = (serde: Serde<any>, bytes: Buffer | null): unknown =>
  bytes === null ? null : serde.read(bytes, 0, bytes.length)
