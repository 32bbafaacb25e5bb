import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { payments } from '../schemas/payments/topics.ts'
import { compile } from '../topology/compile.ts'
import { fraudTopology } from '../topology/fraud/topology.ts'
import { partitionOf } from '../processor/kafka/native/murmur2.ts'
import type { Kafka } from '../processor/ports.ts'
import { createApp } from '../processor/runtime/app.ts'
import { levelStores } from '../processor/state/level.ts'
import { silentLog, systemWorld } from '../processor/world.ts'
import { createFeed } from '../producer/feed.ts'
import { PortCarrier } from '../producer/port-carrier.ts'
import { pump } from '../producer/pump.ts'
import { benchKafka, benchRegistry } from './flagship-thread.ts'
import { EmissionSink } from '../producer/sink.ts'

// The flagship on real Kafka, exactly once, one process: payments per second, CPU per payment, memory.
//   node bench/flagship.ts load --brokers HOST:PORT --count 1000000 --customers 50000     fills `payments` once
//   node bench/flagship.ts run  --brokers HOST:PORT                                       drains it under a fresh name

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    brokers: { type: 'string', default: '127.0.0.1:9092' },
    count: { type: 'string', default: '1000000' },
    customers: { type: 'string', default: '50000' },
    partitions: { type: 'string', default: '6' },
    'commit-ms': { type: 'string', default: '100' },
    'cache-mb': { type: 'string', default: '160' },
    seed: { type: 'string', default: '7' },
  },
})

const world = systemWorld(
  process.env['DEBUG'] === undefined
    ? silentLog
    : { debug: console.error, info: console.error, warn: console.error, error: console.error },
)
const registry = await benchRegistry()
const kafka = benchKafka(values.brokers, world)
await kafka.connect()
if (positionals[0] === 'load') await load(kafka)
else await run(kafka)
await kafka.close()
process.exit(0)

/** CPU seconds of each thread: what runs beside the main one. */
function threads(): string {
  return readdirSync('/proc/self/task')
    .map(id => {
      const stat = readFileSync(`/proc/self/task/${id}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const seconds = (Number(fields[11]) + Number(fields[12])) / 100
      return `${stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))} ${seconds}`
    })
    .join(', ')
}

async function load(to: Kafka): Promise<void> {
  const admin = to.admin()
  const { inputs, outputs } = compile(fraudTopology())
  const names = [...inputs, ...outputs].map(topic => topic.name)
  await admin.deleteTopics([...(await admin.topics(names)).keys()])
  const partitions = Number(values.partitions)
  await admin.createTopics(names.map(name => ({ name, partitions, configs: { 'retention.ms': '-1' } })))
  const producer = to.producer({ transactionalId: null, transactionTimeoutMs: 60_000 })
  await producer.init()
  const count = Number(values.count)
  const feed = await createFeed({ count, millrace: { seed: Number(values.seed), customers: Number(values.customers) } })
  const carrier = new PortCarrier({ producer, partitionOf, payments: { name: payments.name, partitions } })
  const payment = (await payments.value.bind?.({ topic: payments.name, part: 'value', writes: true, registry }))!
  const sink = new EmissionSink({ carrier, payment })
  const { clock, scheduler } = world
  const { elapsedMs } = await pump({ feed, sink, clock, scheduler, ratePerSecond: null, endMarks: true })
  await sink.close()
  console.log(
    JSON.stringify({ loaded: count, seconds: elapsedMs / 1000, perSecond: Math.round((count / elapsedMs) * 1000) }),
  )
}

async function run(from: Kafka): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const stores = await levelStores(folder, '0')
  let read = 0
  const app = createApp(
    fraudTopology({
      observe: ({ kind }) => {
        if (kind === 'valid' || kind === 'rejected' || kind === 'duplicate') read++
      },
    }),
    {
      application: `bench-fraud-${Date.now().toString(36)}`,
      instance: '0',
      kafka: from,
      registry,
      stores,
      world,
      partitionOf,
      commitIntervalMs: Number(values['commit-ms']),
      cacheBytes: Number(values['cache-mb']) << 20,
    },
  )
  await app.start()
  const startMs = performance.now()
  const cpu = process.cpuUsage()
  let halfMs = 0
  let halfCpu = cpu
  let halfRead = 0
  const total = Number(values.count)
  let memory = process.memoryUsage()
  const timer = setInterval(() => {
    const now = process.memoryUsage()
    if (now.rss > memory.rss) memory = now
    if (halfMs > 0 || read < total / 2) return
    halfMs = performance.now()
    halfCpu = process.cpuUsage()
    halfRead = read
  }, 20)
  await app.ended
  clearInterval(timer)
  const endMs = performance.now()
  const used = process.cpuUsage(halfCpu)
  const all = process.cpuUsage(cpu)
  console.log(
    JSON.stringify({
      payments: read,
      seconds: (endMs - startMs) / 1000,
      paymentsPerSecond: Math.round((read / (endMs - startMs)) * 1000),
      cpuMicrosPerPayment: Number(((all.user + all.system) / read).toFixed(2)),
      steadyPaymentsPerSecond: Math.round(((read - halfRead) / (endMs - halfMs)) * 1000),
      steadyCpuMicrosPerPayment: Number(((used.user + used.system) / (read - halfRead)).toFixed(2)),
      peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
      memoryThenMb: Object.fromEntries(
        Object.entries(memory).map(([part, bytes]) => [part, Math.round(bytes / 2 ** 20)]),
      ),
      commits: app.worker!.commits,
    }),
  )
  console.error(threads())
  await app.stop()
  await stores.release()
  rmSync(folder, { recursive: true })
}
