import { ByteWriter } from '../schemas/bytes.ts'
import type { Payment, PaymentLabel } from '../schemas/payments/types.ts'
import type { Serde } from '../schemas/serde.ts'
import { text } from '../schemas/serdes.ts'
import type { Emission } from './emission.ts'
import { writeValue } from './encode.ts'
import { LabelQueue } from './labels.ts'

/** Where emissions go. Calls are made one after the other. */
export interface Sink {
  /** Takes over the emissions in order; resolves when all of them are acknowledged. */
  send(emissions: readonly Emission[]): Promise<void>
  /** After the last emission: sends the labels that are still kept back and, if asked for, the end-of-input marks. */
  finish(options: { readonly endMarks: boolean }): Promise<void>
  close(): Promise<void>
}

/** A client that carries records: the one thing that differs between real Kafka and the embedded broker. */
export interface Carrier {
  /**
   * Copies what is written in `key` and `value`; null stands for a null key or value. Never waits. A record without a
   * key goes to `partitionHint` modulo the number of partitions, one with a key where Java's producer would send it.
   */
  append(record: OutgoingRecord): void
  /** Appends a record without key and value, with the end-of-input header, to every partition of `payments`. */
  appendEndMarks(timestamp: number): void
  /** Resolves when everything appended is acknowledged. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** One record on its way. The object and its writers are used again for the next one. */
export interface OutgoingRecord {
  topic: 'payments' | 'labels'
  timestamp: number
  key: ByteWriter | null
  value: ByteWriter | null
  partitionHint: number
}

export interface SinkOptions {
  readonly carrier: Carrier
  /** Bound to the topic of payments, for writing. */
  readonly payment: Serde<Payment>
  /** Left out: no labels are sent. `serde` is bound to the topic of labels, for writing. */
  readonly labels?: { readonly serde: Serde<PaymentLabel>; readonly delayMs: number }
}

/** Encodes emissions, merges in the labels that are due, and hands both to a carrier. */
export class EmissionSink implements Sink {
  readonly #carrier: Carrier
  readonly #payment: Serde<Payment>
  readonly #label: Serde<PaymentLabel> | null
  readonly #labels: LabelQueue
  readonly #key = new ByteWriter(128)
  readonly #value = new ByteWriter(1024)
  readonly #record: OutgoingRecord = { topic: 'payments', timestamp: 0, key: null, value: null, partitionHint: 0 }
  #lastTimestamp = 0

  constructor(options: SinkOptions) {
    this.#carrier = options.carrier
    this.#payment = options.payment
    this.#label = options.labels?.serde ?? null
    this.#labels = new LabelQueue(options.labels?.delayMs ?? 0)
  }

  async send(emissions: readonly Emission[]): Promise<void> {
    for (const emission of emissions) {
      if (this.#label !== null) {
        this.#sendLabels(this.#label, emission.timestamp)
        this.#labels.add(emission)
      }
      this.#append(emission)
    }
    await this.#carrier.flush()
  }

  async finish({ endMarks }: { readonly endMarks: boolean }): Promise<void> {
    if (this.#label !== null) this.#sendLabels(this.#label, Infinity)
    if (endMarks) this.#carrier.appendEndMarks(this.#lastTimestamp)
    await this.#carrier.flush()
  }

  close(): Promise<void> {
    return this.#carrier.close()
  }

  #append(emission: Emission): void {
    this.#value.reset()
    const record = this.#record
    record.topic = 'payments'
    record.timestamp = emission.timestamp
    record.key = this.#writeKey(emission.key)
    record.value = writeValue(emission, this.#payment, this.#value) ? this.#value : null
    record.partitionHint = emission.partitionHint
    if (emission.timestamp > this.#lastTimestamp) this.#lastTimestamp = emission.timestamp
    this.#carrier.append(record)
  }

  #sendLabels(serde: Serde<PaymentLabel>, time: number): void {
    for (const label of this.#labels.due(time)) {
      this.#value.reset()
      serde.write(label, this.#value)
      const record = this.#record
      record.topic = 'labels'
      record.timestamp = label.labelTime
      record.key = this.#writeKey(label.customerId)
      record.value = this.#value
      this.#carrier.append(record)
    }
  }

  #writeKey(key: string | null): ByteWriter | null {
    if (key === null) return null
    this.#key.reset()
    text.write(key, this.#key)
    return this.#key
  }
}
