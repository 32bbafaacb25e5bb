import { Buffer } from 'node:buffer'
import type { Clock, PartitionBuffer, Producer, Scheduler } from '../../processor/ports.ts'

// For tests: a client that keeps what it is given, and a clock that moves only when someone sleeps.

export interface KeptRecord {
  readonly topic: string
  readonly partition: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: Buffer | null
}

const copy = (bytes: Buffer | null, start: number, end: number): Buffer | null =>
  bytes === null ? null : Buffer.from(bytes.subarray(start, end))

export class KeepingProducer implements Producer {
  /** Records that were flushed. */
  readonly records: KeptRecord[] = []
  readonly #appended: KeptRecord[] = []
  closed = false

  get bufferedBytes(): number {
    return this.#appended.length
  }

  buffer(topic: string, partition: number): PartitionBuffer {
    return {
      append: (timestamp, key, keyStart, keyEnd, value, valueStart, valueEnd, headers, headersStart, headersEnd) => {
        this.#appended.push({
          topic,
          partition,
          timestamp,
          key: copy(key, keyStart, keyEnd)?.toString() ?? null,
          value: copy(value, valueStart, valueEnd),
          headers: copy(headers, headersStart, headersEnd),
        })
      },
    }
  }

  flush(): Promise<void> {
    this.records.push(...this.#appended.splice(0))
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }

  init = (): Promise<void> => Promise.resolve()
  seal = (): void => undefined
  nextOffset = (): number => -1
  sendOffsets = (): Promise<void> => Promise.resolve()
  end = (): Promise<void> => Promise.resolve()
}

export class StillTime implements Clock, Scheduler {
  timeMs = 0
  now = (): number => this.timeMs
  monotonic = (): number => this.timeMs
  yield = (): Promise<void> => Promise.resolve()

  sleep(ms: number): Promise<void> {
    this.timeMs += ms
    return Promise.resolve()
  }
}
