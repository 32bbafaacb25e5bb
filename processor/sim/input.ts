import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'
import type { Topic } from '../../schemas/topic.ts'
import type { EmbeddedBroker } from '../embedded/broker.ts'
import { BatchBuilder } from '../kafka/native/batch.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import { encodeHeaders } from '../../schemas/headers.ts'
import { endOfInputHeader } from '../../schemas/end-of-input.ts'
import type { Draws } from './draws.ts'
import type { Input, Placed } from './workload.ts'

export interface FeederOptions {
  readonly broker: EmbeddedBroker
  readonly draws: Draws
  readonly nowMs: () => number
  /** The share of batches that are followed by one that is aborted: the same records, which nobody may see. */
  readonly abortedShare: number
  readonly serdes: ReadonlyMap<Topic<any, any>, { readonly key: Serde<any>; readonly value: Serde<any> }>
}

/** Producers of the input, told from those of the application. */
const firstProducerId = 1_000_000

/** Writes the input into the broker's log, past the network: what is under test reads it. */
export class Feeder {
  readonly placed: Placed[] = []
  readonly #options: FeederOptions
  #producerId = firstProducerId

  constructor(options: FeederOptions) {
    this.#options = options
  }

  /** Appends records in order, one batch for each partition that gets any. */
  append(inputs: readonly Input[]): void {
    const { draws, abortedShare } = this.#options
    const parts = new Map<string, Encoded[]>()
    for (const input of inputs) {
      const encoded = this.#encode(input)
      const at = `${input.topic.name} ${encoded.partition}`
      const part = parts.get(at)
      if (part === undefined) parts.set(at, [encoded])
      else part.push(encoded)
    }
    const offsets = new Map<Input, number>()
    for (const part of parts.values()) {
      if (draws.chance(abortedShare)) this.#write(part, 'aborted')
      let offset = this.#write(part, draws.chance(abortedShare) ? 'committed' : 'plain')
      for (const { input } of part) offsets.set(input, offset++)
    }
    for (const part of parts.values())
      for (const { input, partition } of part) this.placed.push({ ...input, partition, offset: offsets.get(input)! })
  }

  #encode(input: Input): Encoded {
    const { topic } = input
    const serdes = this.#options.serdes.get(topic)!
    const key = bytesOf(serdes.key, input.key)
    const value = bytesOf(serdes.value, input.value)
    const partitions = this.#options.broker.requests.topics.get(topic.name)!.partitions.length
    const chosen =
      input.partition === undefined
        ? partitionOf(key ?? nothing, 0, key?.length ?? 0, partitions)
        : input.partition % partitions
    return { input, key, value, headers: null, partition: chosen }
  }

  /** The mark that ends the input, in every partition. */
  end(topics: readonly Topic<any, any>[]): void {
    const headers = encodeHeaders([{ name: endOfInputHeader, value: nothing }])
    for (const topic of topics) {
      const input = { topic, key: null, value: null, timestamp: 0 }
      for (const { partition } of this.#options.broker.requests.topics.get(topic.name)!.partitions)
        this.#write([{ input, key: null, value: null, headers, partition }], 'plain')
    }
  }

  /** One batch of one partition; answers the offset of its first record. */
  #write(part: readonly Encoded[], how: 'plain' | 'committed' | 'aborted'): number {
    const builder = new BatchBuilder()
    for (const { input, key, value, headers } of part) {
      const { timestamp } = input
      const [keyBytes, valueBytes] = [key?.length ?? 0, value?.length ?? 0]
      builder.append(timestamp, key, 0, keyBytes, value, 0, valueBytes, headers, 0, headers?.length ?? 0)
    }
    const [{ input, partition }] = part as [Encoded]
    const transactional = how !== 'plain'
    const producerId = transactional ? this.#producerId++ : -1
    const bytes = builder.finish({
      producerId,
      producerEpoch: transactional ? 0 : -1,
      baseSequence: transactional ? 0 : -1,
      transactional,
      compression: 'none',
    })
    const log = this.#options.broker.log(input.topic.name, partition)!
    const admit = (): number => 0
    const { errorCode, baseOffset } = log.append(bytes, { maxBatchBytes: 1 << 20, strict: true, admit })
    if (errorCode !== 0) throw new Error(`The input was refused with ${errorCode}.`)
    if (transactional) log.mark(producerId, 0, how === 'committed', this.#options.nowMs())
    return baseOffset
  }
}

interface Encoded {
  readonly input: Input
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Buffer | null
  readonly partition: number
}

const nothing = Buffer.alloc(0)

function bytesOf(serde: Serde<any>, value: unknown): Buffer | null {
  if (value === null || Buffer.isBuffer(value)) return value
  const writer = new ByteWriter(256)
  serde.write(value, writer)
  return writer.copy()
}
