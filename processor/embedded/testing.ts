import { Buffer } from 'node:buffer'
import { at, attribute, countSize, varlongSize, writeInt64, writeVarlong } from '../kafka/native/batch-format.ts'
import type { Channel } from '../ports.ts'
import { embeddedBroker, type EmbeddedBroker } from './broker.ts'
import type { BrokerOptions } from './options.ts'
import { seal } from './seal.ts'
import { manualWorld, type ManualWorld } from './manual-world.ts'

// What the tests of this folder share: batches made by hand, and requests with short names.

export interface TestRecord {
  readonly key: string | null
  readonly value: string | null
  readonly timestamp?: number
}

export interface TestBatch {
  readonly producerId?: number
  readonly epoch?: number
  readonly sequence?: number
  readonly transactional?: boolean
  readonly records: readonly TestRecord[]
}

function bytesOf(text: string | null): Buffer {
  if (text === null) return Buffer.from([1])
  const bytes = Buffer.from(text)
  const sized = Buffer.alloc(countSize(bytes.length) + bytes.length)
  bytes.copy(sized, writeVarlong(sized, bytes.length, 0))
  return sized
}

function recordBytes(record: TestRecord, index: number, baseTimestamp: number): Buffer {
  const delta = (record.timestamp ?? 0) - baseTimestamp
  const head = Buffer.alloc(1 + varlongSize(delta) + countSize(index))
  writeVarlong(head, index, writeVarlong(head, delta, 1))
  const body = Buffer.concat([head, bytesOf(record.key), bytesOf(record.value), Buffer.from([0])])
  const length = Buffer.alloc(countSize(body.length))
  writeVarlong(length, body.length, 0)
  return Buffer.concat([length, body])
}

export function batch({
  producerId = -1,
  epoch = -1,
  sequence = -1,
  transactional = false,
  records,
}: TestBatch): Buffer {
  const baseTimestamp = records[0]?.timestamp ?? 0
  const payload = records.map((record, index) => recordBytes(record, index, baseTimestamp))
  const bytes = Buffer.concat([Buffer.alloc(at.records), ...payload])
  bytes[at.magic] = 2
  bytes.writeInt16BE(transactional ? attribute.transactional : 0, at.attributes)
  bytes.writeInt32BE(records.length - 1, at.lastOffsetDelta)
  writeInt64(bytes, baseTimestamp, at.baseTimestamp)
  writeInt64(bytes, Math.max(...records.map(({ timestamp }) => timestamp ?? 0)), at.maxTimestamp)
  writeInt64(bytes, producerId, at.producerId)
  bytes.writeInt16BE(epoch, at.producerEpoch)
  bytes.writeInt32BE(sequence, at.baseSequence)
  bytes.writeInt32BE(records.length, at.count)
  seal(bytes)
  return bytes
}

export const texts = (...values: readonly string[]): TestRecord[] => values.map(value => ({ key: value, value }))

/** A broker on a manual world with one channel, which asks without waiting for the clock. */
export class Bench {
  readonly world: ManualWorld = manualWorld()
  readonly broker: EmbeddedBroker
  readonly #channels = new Map<string, Channel>()

  constructor(defaults: BrokerOptions = {}, brokers = 1) {
    this.broker = embeddedBroker({ world: this.world, defaults, brokers })
  }

  async channel(name = 'test', node = 1): Promise<Channel> {
    const key = `${name}@${node}`
    let channel = this.#channels.get(key)
    if (channel === undefined) {
      const address = { host: 'embedded', port: node }
      channel = await this.broker.transport().connect(address, { clientId: name, timeoutMs: 3_600_000 })
      this.#channels.set(key, channel)
    }
    return channel
  }

  /** Asks over the connection of this name; `any`, because each test says in its expectation what the answer is. */
  async ask(api: string, version: number, body: object, connection = 'test'): Promise<any> {
    return (await this.channel(connection)).request(api, version, body)
  }

  async topic(name: string, partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<void> {
    const settings = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
    const topic = { name, numPartitions: partitions, replicationFactor: -1, assignments: [], configs: settings }
    const answer = await this.ask('CreateTopics', 7, { topics: [topic], timeoutMs: 1000, validateOnly: false })
    if (answer.topics[0].errorCode !== 0) throw new Error(answer.topics[0].errorMessage)
  }
}
