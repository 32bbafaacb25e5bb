import { Buffer } from 'node:buffer'
import type { FetchedPartition, Kafka, PartitionBuffer, Producer } from '../processor/ports.ts'
import { nativeKafka } from '../processor/kafka/native/client.ts'
import { tcpTransport } from '../processor/kafka/native/tcp.ts'
import { silentLog, systemWorld } from '../processor/world.ts'

// CPU of the native client per record, on a real broker: `KAFKA_BROKERS=host:port node bench/client.ts [records]`.
// A record is 16 bytes of key and 200 of value. Wall-clock rates depend on who else uses the machine; CPU per record
// less so.

const count = Number(process.argv[2] ?? 2_000_000)
const rounds = 3
const partitions = 4
const transactionRecords = 50_000

const [host, port] = (process.env['KAFKA_BROKERS'] ?? '127.0.0.1:9092').split(',')[0]!.split(':')
const world = systemWorld(silentLog)
const kafka = nativeKafka({
  transport: tcpTransport({ bootstrap: [{ host: host!, port: Number(port) }] }),
  world,
  clientId: 'bench',
})
await kafka.connect()
const admin = kafka.admin()
const run = `bench-${Date.now()}`

async function measured(what: string, work: () => Promise<number>): Promise<void> {
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  const records = await work()
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (performance.now() - startMs) / 1000
  const perRecord = ((user + system) / records).toFixed(2)
  const rate = Math.round(records / seconds / 1000)
  const mb = Math.round(process.memoryUsage().rss / 1e6)
  console.log(
    `${what.padEnd(34)} ${perRecord} us CPU/record (${(system / records).toFixed(2)} system), ${rate} k/s, ${mb} MB`,
  )
}

const newTopic = async (name: string): Promise<string> => {
  await admin.createTopics([{ name, partitions, configs: { 'retention.ms': '-1' } }])
  return name
}

const buffersOf = (producer: Producer, topic: string): PartitionBuffer[] =>
  Array.from({ length: partitions }, (_, partition) => producer.buffer(topic, partition))

async function fill(topic: string, compression: 'none' | 'lz4'): Promise<number> {
  const producer = kafka.producer({ transactionalId: null, transactionTimeoutMs: 60_000, compression })
  await producer.init()
  const buffers = buffersOf(producer, topic)
  const key = Buffer.alloc(16, 'k')
  const value = Buffer.alloc(200, 'some words that a payment could have, ')
  for (let index = 0; index < count; index++) {
    key.writeUInt32BE(index, 12)
    value.writeUInt32BE(Math.imul(index, 2654435761) >>> 0, 100)
    buffers[index % partitions]!.append(1_700_000_000_000 + index, key, 0, 16, value, 0, 200, null, 0, 0)
    if (index % 12_000 === 11_999) await producer.flush()
  }
  await producer.flush()
  await producer.close()
  return count
}

async function read(
  client: Kafka,
  topic: string,
  each: (fetched: FetchedPartition) => Promise<void> | void,
): Promise<number> {
  const fetcher = client.fetcher({ isolation: 'read_committed' })
  fetcher.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })))
  let records = 0
  while (records < count) {
    for (const fetched of await fetcher.poll(1000)) {
      records += fetched.records.length
      const work = each(fetched)
      if (work !== undefined) await work
    }
  }
  await fetcher.close()
  return records
}

async function pipe(source: string, target: string, compression: 'none' | 'lz4'): Promise<number> {
  const producer = kafka.producer({ transactionalId: `${run}-pipe`, transactionTimeoutMs: 60_000, compression })
  await producer.init()
  const buffers = buffersOf(producer, target)
  const group = { groupId: `${run}-group`, memberId: '', generation: -1, instanceId: null }
  const done = new Map<number, number>()
  const commitMs: number[] = []
  let open = 0
  const commit = async (): Promise<void> => {
    const startMs = performance.now()
    producer.seal()
    await producer.flush()
    await producer.sendOffsets(
      [...done].map(([partition, offset]) => ({ topic: source, partition, offset })),
      group,
    )
    await producer.end('commit')
    commitMs.push(performance.now() - startMs)
    open = 0
  }
  const records = await read(kafka, source, async fetched => {
    const { length, buffers: from, buffer, timestamp, keyStart, keyEnd, valueStart, valueEnd } = fetched.records
    const to = buffers[fetched.partition]!
    for (let row = 0; row < length; row++) {
      const bytes = from[buffer[row]!]!
      to.append(
        timestamp[row]!,
        bytes,
        keyStart[row]!,
        keyEnd[row]!,
        bytes,
        valueStart[row]!,
        valueEnd[row]!,
        null,
        0,
        0,
      )
    }
    done.set(fetched.partition, fetched.nextOffset)
    open += length
    if (open >= transactionRecords) await commit()
  })
  if (open > 0) await commit()
  await producer.close()
  const median = commitMs.toSorted((a, b) => a - b)[commitMs.length >> 1] ?? 0
  console.log(`  ${commitMs.length} transactions, median commit ${median.toFixed(0)} ms`)
  return records
}

const topics = { none: await newTopic(`${run}-none`), lz4: await newTopic(`${run}-lz4`) } as const
for (const compression of ['none', 'lz4'] as const) {
  await measured(`produce, idempotent, ${compression}`, () => fill(topics[compression], compression))
}
for (let round = 1; round <= rounds; round++) {
  for (const compression of ['none', 'lz4'] as const) {
    await measured(`consume, ${compression}, round ${round}`, () => read(kafka, topics[compression], () => {}))
    const target = await newTopic(`${run}-out-${compression}-${round}`)
    await measured(`pipe, transactional, ${compression}, round ${round}`, () =>
      pipe(topics[compression], target, compression),
    )
    await admin.deleteTopics([target])
  }
}
await admin.deleteTopics(Object.values(topics))
await kafka.close()
