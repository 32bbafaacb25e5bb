import { readFileSync } from 'node:fs'
import { avro } from '../schemas/avro.ts'
import { memoryRegistry } from '../schemas/registry-memory.ts'
import { int64, text } from '../schemas/serdes.ts'
import { topic } from '../schemas/topic.ts'
import { topology, type Topology } from '../topology/stream.ts'
import { nativeKafka } from '../processor/kafka/native/client.ts'
import { partitionOf } from '../processor/kafka/native/murmur2.ts'
import { tcpTransport } from '../processor/kafka/native/tcp.ts'
import { createApp } from '../processor/runtime/app.ts'
import { levelStores } from '../processor/state/level.ts'
import { silentLog, systemWorld } from '../processor/world.ts'

// The engine under the harness of the Java peer: workloads w1 and w2, written with the public DSL. Its command line is
// the harness's contract: --brokers --workload --input --output --application-id --state-dir --guarantee --commit-ms
// --threads.

interface Payment {
  readonly paymentId: string
  readonly merchantId: string
  readonly amountCents: number
  readonly currency: string
  readonly status: string
  readonly eventTime: number
}

const given = new Map<string, string>()
const settings = new Map<string, string>()
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i]!.slice(2)
  const value = process.argv[i + 1]!
  if (name === 'conf') settings.set(value.split('=')[0]!, value.slice(value.indexOf('=') + 1))
  else given.set(name, value)
}

const paymentSchema = readFileSync(new URL('payment.avsc', import.meta.url), 'utf8')
const payment = avro<Payment>(paymentSchema)

function workload(name: string, input: string, output: string): Topology {
  const t = topology('bench')
  const payments = t.stream(topic(input, text, payment))
  switch (name) {
    case 'w1':
      payments
        .filter(p => p.status !== 'reversed')
        .map(
          p =>
            `{"id":"${p.paymentId}","merchant":"${p.merchantId}","amountCents":${p.amountCents},"currency":"${p.currency}","eventTime":${p.eventTime}}`,
        )
        .to(topic(output, text, text))
      return t
    case 'w2':
      payments
        .groupByKey()
        .count('counts')
        .changes()
        .map(row => row.count)
        .to(topic(output, text, int64))
      return t
    default:
      throw new Error(`Workload ${name} is not built: w1 and w2 are.`)
  }
}

const [host, port] = given.get('brokers')!.split(':')
const world = systemWorld(
  process.env['DEBUG'] === undefined
    ? silentLog
    : { debug: console.error, info: console.error, warn: console.error, error: console.error },
)
const registry = memoryRegistry()
await registry.register(`${given.get('input')!}-value`, paymentSchema)
const stores = await levelStores(given.get('state-dir')!, '0')
const transport = tcpTransport({ bootstrap: [{ host: host!, port: Number(port) }] })
const app = createApp(workload(given.get('workload')!, given.get('input')!, given.get('output')!), {
  application: given.get('application-id')!,
  instance: '0',
  kafka: nativeKafka({ transport, world, clientId: 'bench' }),
  registry,
  stores,
  world,
  partitionOf,
  guarantee: given.get('guarantee') === 'eos' ? 'exactly_once' : 'at_least_once',
  commitIntervalMs: Number(given.get('commit-ms')),
  ...(settings.has('cache') && { cacheBytes: Number(settings.get('cache')) }),
})
process.on('SIGTERM', () => void app.stop())
const startMs = world.clock.monotonic()
await app.start()
console.log(
  JSON.stringify({
    event: 'RUNNING',
    restored: app.read().restore.records,
    restoreMs: Math.round(world.clock.monotonic() - startMs),
  }),
)
await app.done
process.exit(0)
