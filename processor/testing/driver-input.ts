import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'
import { type Duration, durationMs } from '../../topology/windows.ts'
import { AppError } from '../errors.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import { encodeHeaders, type HeaderEntry } from '../../schemas/headers.ts'
import { endOfInputHeader } from '../../schemas/end-of-input.ts'
import type { DriverLog } from './driver-log.ts'

/** A header; text is written as UTF-8. */
export interface GivenHeader {
  readonly name: string
  readonly value: Buffer | string | null
}

export interface PipeOptions {
  readonly headers?: readonly GivenHeader[]
  /** Default: by the key as Kafka's producer does it; without a key 0. */
  readonly partition?: number
}

export interface GivenRecord<K, V> extends PipeOptions {
  readonly key: K | null
  readonly value: V | null
  /** Event time in milliseconds. Default: the input's own clock. */
  readonly timestamp?: number
}

const nothing = Buffer.alloc(0)

/** A topic that the test writes to. Each record is processed to its end before `pipe` returns. */
export class DriverInput<K, V> {
  readonly #logs: readonly DriverLog[]
  readonly #key: Serde<K>
  readonly #value: Serde<V>
  readonly #run: () => void
  readonly #stepMs: number
  readonly #writer = new ByteWriter(256)
  /** The timestamp of the next record that has none. */
  #nowMs: number

  constructor(
    logs: readonly DriverLog[],
    serdes: { readonly key: Serde<K>; readonly value: Serde<V> },
    run: () => void,
    clock: { readonly startMs: number; readonly stepMs: number },
  ) {
    this.#logs = logs
    this.#key = serdes.key
    this.#value = serdes.value
    this.#run = run
    this.#nowMs = clock.startMs
    this.#stepMs = clock.stepMs
  }

  /** Writes a record, and has it processed. Throws what ends the application: under `onFailure: 'fail'` any failure. */
  pipe(key: K | null, value: V | null, timestamp?: number, options: PipeOptions = {}): void {
    this.#append(this.#bytes(this.#key, key), this.#bytes(this.#value, value), timestamp, options)
    this.#run()
  }

  /** Writes records one after the other, each processed before the next. */
  pipeAll(records: readonly GivenRecord<K, V>[]): void {
    for (const { key, value, timestamp, ...options } of records) this.pipe(key, value, timestamp, options)
  }

  /** Writes bytes as they are: for records that cannot be decoded. */
  pipeBytes(key: Buffer | null, value: Buffer | null, timestamp?: number, options: PipeOptions = {}): void {
    this.#append(key, value, timestamp, options)
    this.#run()
  }

  /** Moves this input's clock: later records that come without a timestamp are that much younger. */
  advance(duration: Duration): void {
    this.#nowMs += durationMs(duration, 'The advance of an input')
  }

  /** Ends the topic for good. When all inputs of a task have ended, its windows close. */
  end(): void {
    const mark = encodeHeaders([{ name: endOfInputHeader, value: nothing }])
    for (const log of this.#logs) log.append(0, null, 0, 0, null, 0, 0, mark, 0, mark.length)
    for (const log of this.#logs) log.commit()
    this.#run()
  }

  #append(key: Buffer | null, value: Buffer | null, given: number | undefined, options: PipeOptions): void {
    const timestamp = given ?? this.#nowMs
    if (given === undefined) this.#nowMs += this.#stepMs
    const headers = options.headers === undefined ? nothing : encodeHeaders(options.headers.map(headerOf))
    const log = this.#logOf(key, options.partition)
    log.append(timestamp, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, headers, 0, headers.length)
    log.commit()
  }

  #logOf(key: Buffer | null, given: number | undefined): DriverLog {
    const count = this.#logs.length
    const partition = given ?? (key === null ? 0 : partitionOf(key, 0, key.length, count))
    const log = this.#logs[partition]
    if (log !== undefined) return log
    throw new AppError('CONFIG', `The topic has ${count} partitions, and no partition ${partition}.`)
  }

  #bytes<T>(serde: Serde<T>, value: T | null): Buffer | null {
    if (value === null) return null
    this.#writer.reset()
    serde.write(value, this.#writer)
    return this.#writer.copy()
  }
}

const headerOf = ({ name, value }: GivenHeader): HeaderEntry => ({
  name,
  value: typeof value === 'string' ? Buffer.from(value) : value,
})
