import { Buffer } from 'node:buffer'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { startBroker } from '../infra/broker.ts'
import { nativeKafka } from '../processor/kafka/native/client.ts'
import { partitionOf } from '../processor/kafka/native/murmur2.ts'
import { tcpTransport } from '../processor/kafka/native/tcp.ts'
import type { Kafka } from '../processor/ports.ts'
import { createApp } from '../processor/runtime/app.ts'
import { levelStores } from '../processor/state/level.ts'
import { silentLog, systemWorld } from '../processor/world.ts'
import { memoryRegistry } from '../schemas/registry-memory.ts'
import { int64, text } from '../schemas/serdes.ts'
import { topic } from '../schemas/topic.ts'
import { changelogTopic } from '../topology/names.ts'
import { topology } from '../topology/stream.ts'

// How fast an application that lost its disk restores a count by key from changelogs on a real broker.
//   node bench/restore.ts --records 2000000 --keys 2000000
// A broker is started unless --brokers says where one is. Prints one JSON object: records a second, processor time for
// a million records (of the main thread too), and the longest time in which the event loop was not free for anything
// else.

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '2000000' },
    keys: { type: 'string', default: '2000000' },
    partitions: { type: 'string', default: '4' },
    runs: { type: 'string', default: '3' },
    compression: { type: 'string', default: 'none' },
    brokers: { type: 'string' },
  },
})
const [records, keys, partitions] = [Number(values.records), Number(values.keys), Number(values.partitions)]
const world = systemWorld(silentLog)
const started = values.brokers === undefined ? await startBroker({ heapMb: 512 }) : null
const [host, port] = (values.brokers ?? started!.bootstrap).split(':')
const connect = (clientId: string): Kafka =>
  nativeKafka({ transport: tcpTransport({ bootstrap: [{ host: host!, port: Number(port) }] }), world, clientId })

const application = `restore-${process.pid}-${Math.round(world.clock.now())}`
const [input, output] = [`${application}-in`, `${application}-out`]
const changelog = changelogTopic(application, 'counts')
const t = topology('restore')
t.stream(topic(input, text, int64))
  .groupByKey()
  .count('counts')
  .changes()
  .map(row => row.count)
  .to(topic(output, text, int64))

async function fill(kafka: Kafka): Promise<void> {
  const compression = values.compression as 'none'
  const producer = kafka.producer({ transactionalId: null, transactionTimeoutMs: 60_000, compression })
  await producer.init()
  const value = Buffer.alloc(8)
  for (let at = 0; at < records; at++) {
    const key = Buffer.from(`payment-${((at * 7919) % keys).toString().padStart(9, '0')}`)
    value.writeBigInt64BE(BigInt(at))
    const partition = partitionOf(key, 0, key.length, partitions)
    producer.buffer(changelog, partition).append(at, key, 0, key.length, value, 0, 8, null, 0, 0)
    if (at % 20_000 === 19_999) await producer.flush()
  }
  await producer.flush()
  await producer.close()
}

async function restore(): Promise<object> {
  const root = mkdtempSync(join(tmpdir(), 'millrace-restore-'))
  const stores = await levelStores(root, 'bench')
  const kafka = connect('bench')
  const app = createApp(t, {
    application,
    instance: 'bench',
    kafka,
    registry: memoryRegistry(),
    stores,
    world,
    partitionOf,
  })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const [startMs, cpu, thread] = [world.clock.monotonic(), process.cpuUsage(), process.threadCpuUsage()]
  await app.start()
  const seconds = (world.clock.monotonic() - startMs) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const own = process.threadCpuUsage(thread)
  delay.disable()
  const { records: restored, bytes } = app.read().restore
  await app.stop()
  await kafka.close()
  await stores.release()
  rmSync(root, { recursive: true })
  return {
    restored,
    seconds: Math.round(seconds * 100) / 100,
    recordsPerSecond: Math.round(restored / seconds),
    mebibytes: Math.round(bytes / 2 ** 20),
    cpuSecondsPerMillion: Math.round(((user + system) / restored) * 100) / 100,
    mainThreadSecondsPerMillion: Math.round(((own.user + own.system) / restored) * 100) / 100,
    longestPauseMs: Math.round(delay.max / 1e5) / 10,
    p99PauseMs: Math.round(delay.percentile(99) / 1e5) / 10,
    load: Math.round(loadavg()[0]! * 10) / 10,
    cores: cpus().length,
  }
}

const kafka = connect('fill')
try {
  await kafka.connect()
  const admin = kafka.admin()
  await admin.createTopics([
    { name: input, partitions },
    { name: output, partitions },
    { name: changelog, partitions, configs: { 'cleanup.policy': 'compact', 'message.timestamp.type': 'CreateTime' } },
  ])
  await fill(kafka)
  for (let run = 0; run < Number(values.runs); run++) console.log(JSON.stringify(await restore()))
  await admin.deleteTopics([input, output, changelog])
} finally {
  await kafka.close()
  await started?.stop()
}
