import type { Buffer } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { avro } from '../schemas/avro.ts'
import type { ByteWriter } from '../schemas/bytes.ts'
import { memoryRegistry } from '../schemas/registry-memory.ts'
import type { Serde } from '../schemas/serde.ts'
import { int64, text } from '../schemas/serdes.ts'
import { topic } from '../schemas/topic.ts'
import { count, sum } from '../topology/counting.ts'
import { topology, type Topology } from '../topology/stream.ts'
import { type Duration, tumbling } from '../topology/windows.ts'
import { nativeKafka } from '../processor/kafka/native/client.ts'
import { tcpTransport } from '../processor/kafka/native/tcp.ts'
import { partitionOf } from '../processor/kafka/native/murmur2.ts'
import type { ThreadFunction } from '../processor/threads/context.ts'

// The workloads of the Java peer's harness, written with the public DSL, as what one thread of `streams.ts` runs.

export interface BenchData {
  readonly brokers: string
  readonly workload: string
  readonly input: string
  readonly output: string
  readonly application: string
  readonly exactlyOnce: boolean
  readonly commitIntervalMs: number
  readonly cacheBytes: number | null
  /** Of w3's windows. */
  readonly grace: Duration
}

interface Payment {
  readonly paymentId: string
  readonly merchantId: string
  readonly amountCents: number
  readonly currency: string
  readonly status: string
  readonly eventTime: number
}

interface Amount {
  readonly merchant: string
  readonly cents: number
  readonly declined: boolean
}

interface Kpi {
  readonly count: number
  readonly sum: number
  readonly declined: number
}

const paymentSchema = readFileSync(new URL('payment.avsc', import.meta.url), 'utf8')
const payment = avro<Payment>(paymentSchema)

/** What goes through the repartition topic: nine bytes, as the peer's; the merchant is the key there. */
const amount: Serde<Amount> = {
  name: 'amount',
  write({ cents, declined }: Amount, out: ByteWriter) {
    out.i64(cents)
    out.u8(declined ? 1 : 0)
  },
  read: (bytes: Buffer, start: number) => ({
    merchant: '',
    cents: bytes.readInt32BE(start) * 4_294_967_296 + bytes.readUInt32BE(start + 4),
    declined: bytes[start + 8] === 1,
  }),
}

const kpi: Serde<Kpi> = {
  name: 'kpi',
  write(row: Kpi, out: ByteWriter) {
    out.i64(row.count)
    out.i64(row.sum)
    out.i64(row.declined)
  },
  read() {
    throw new Error('The bench only writes these.')
  },
}

function workload({ workload, input, output, grace }: BenchData): Topology {
  const t = topology('bench')
  const payments = t.stream(topic(input, text, payment))
  switch (workload) {
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
    case 'w3':
      payments
        .map(p => ({ merchant: p.merchantId, cents: p.amountCents, declined: p.status === 'declined' }))
        .groupBy(p => p.merchant, text, amount)
        .window(tumbling('10s', { grace }))
        .aggregate('kpi', { count: count(), sum: sum(p => p.cents), declined: count(p => p.declined) })
        .changes()
        .rekey((row, merchant) => `${merchant}@${row.startMs}`, text)
        .to(topic(output, text, kpi))
      return t
    default:
      throw new Error(`Workload ${workload} is not built: w1, w2 and w3 are.`)
  }
}

export const thread: ThreadFunction<BenchData> = async ({ data, world }) => {
  const [host, port] = data.brokers.split(':')
  const registry = memoryRegistry()
  await registry.register(`${data.input}-value`, paymentSchema)
  return {
    topology: workload(data),
    application: data.application,
    kafka: nativeKafka({
      transport: tcpTransport({ bootstrap: [{ host: host!, port: Number(port) }] }),
      world,
      clientId: 'bench',
    }),
    registry,
    partitionOf,
    guarantee: data.exactlyOnce ? 'exactly_once' : 'at_least_once',
    commitIntervalMs: data.commitIntervalMs,
    ...(data.cacheBytes !== null && { cacheBytes: data.cacheBytes }),
  }
}
