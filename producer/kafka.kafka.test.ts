import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { Kafka, logLevel, type KafkaMessage } from 'kafkajs'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { partitionOf } from '../processor/kafka/native/murmur2.ts'
import { silentLog } from '../processor/world.ts'
import { plain } from '../schemas/avro.ts'
import { paymentLabels, payments } from '../schemas/payments/topics.ts'
import { memoryRegistry } from '../schemas/registry-memory.ts'
import { connectKafka } from './kafka.ts'
import { drillEmissions } from './profiles/drill.ts'
import { EmissionSink } from './sink.ts'

const brokers = inject('kafkaBrokers').split(',')
const run = `producer-${randomUUID().slice(0, 8)}`
const topics = { payments: `${run}-payments`, labels: `${run}-labels` }
const partitions = 6
const registry = memoryRegistry()
const payment = await payments.value.bind!({ topic: 'payments', part: 'value', writes: true, registry })
const label = await paymentLabels.value.bind!({ topic: 'payment_labels', part: 'value', writes: true, registry })

const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING })
const admin = kafka.admin()

beforeAll(async () => {
  await admin.connect()
  // The records are of 2025: the broker must not delete them by the clock.
  const configEntries = [{ name: 'retention.ms', value: '-1' }]
  const make = Object.values(topics).map(topic => ({ topic, numPartitions: partitions, configEntries }))
  await admin.createTopics({ topics: make, waitForLeaders: true })
})

afterAll(async () => {
  await admin.deleteTopics({ topics: Object.values(topics) })
  await admin.disconnect()
})

interface Read {
  readonly partition: number
  readonly message: KafkaMessage
}

/** Everything that is in a topic, by partition in its order. */
async function readAll(topic: string): Promise<Read[]> {
  const ends = await admin.fetchTopicOffsets(topic)
  const wanted = ends.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
  const consumer = kafka.consumer({ groupId: `${run}-${randomUUID()}` })
  const read: Read[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: ({ partition, message }) => {
          read.push({ partition, message })
          if (read.length === wanted) resolve()
          return Promise.resolve()
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return read
}

test('records arrive once, in order, where Java would put them, with labels and end marks', async () => {
  const carrier = await connectKafka({ brokers, ...topics, log: silentLog })
  const sink = new EmissionSink({ carrier, payment, labels: { serde: label, delayMs: 0 } })
  const odd = { ...drillEmissions()[0]!, key: null, damage: 'NULL', partitionHint: 10 } as const
  const emissions = [...drillEmissions(), odd]
  for (let at = 0; at < emissions.length; at += 2500) await sink.send(emissions.slice(at, at + 2500))
  await sink.finish({ endMarks: true })
  await sink.close()

  const read = await readAll(topics.payments)
  expect(read.length).toBe(emissions.length + partitions)
  for (let partition = 0; partition < partitions; partition++) {
    const there = read.filter(record => record.partition === partition).map(({ message }) => message)
    const expected = emissions.filter(({ key, partitionHint }) => {
      const bytes = Buffer.from(key ?? '')
      return (key === null ? partitionHint % partitions : partitionOf(bytes, 0, bytes.length, partitions)) === partition
    })
    const mark = there.pop()!
    expect(mark).toMatchObject({ key: null, value: null, headers: { 'millrace-end-of-input': Buffer.alloc(0) } })
    expect(there.map(({ key, timestamp }) => [key?.toString() ?? null, Number(timestamp)])).toEqual(
      expected.map(({ key, timestamp }) => [key, timestamp]),
    )
    for (const [i, { value }] of there.entries()) {
      if (expected[i]!.damage === null)
        expect(plain(payment.read(value!, 0, value!.length))).toEqual(expected[i]!.payment)
    }
  }
  expect((await readAll(topics.labels)).length).toBe(525)
})

test('a missing topic, and brokers that do not answer, are told in one line', async () => {
  const missing = `${run}-none`
  await expect(connectKafka({ brokers, payments: missing, labels: null, log: silentLog })).rejects.toThrow(
    `The topic ${missing} is missing at ${brokers.join(', ')}. Make it with npm run init.`,
  )
  const nobody = connectKafka({ brokers: ['127.0.0.1:1'], payments: missing, labels: null, log: silentLog })
  await expect(nobody).rejects.toThrow(
    /^No broker answers at 127\.0\.0\.1:1: .* Is Kafka running there \(npm run up\)\?$/,
  )
})

test('the command sends at its rate, and stops on Ctrl-C after what is under way', async () => {
  const existing = await admin.listTopics()
  if (!existing.includes(payments.name)) {
    await admin.createTopics({ topics: [{ topic: payments.name, numPartitions: partitions }], waitForLeaders: true })
  }
  const main = new URL('main.ts', import.meta.url).pathname
  const env = { ...process.env, KAFKA_BROKERS: brokers.join(), SCHEMA_REGISTRY_URL: inject('schemaRegistryUrl') }
  const child = spawn(process.execPath, [main, '--rate', '500', '--seed', '3'], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  let stopped = false
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', code => (code === 0 ? resolve() : reject(new Error(`ended with ${code}: ${said}`))))
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
      // Its first line of progress comes after five seconds.
      if (stopped || !/ records, \d+\/s\n/.test(said)) return
      stopped = child.kill('SIGINT')
    })
  })
  const rate = Number(/Sent [\d,]+ records in [\d.]+ s \(([\d,]+)\/s\), then stopped\.\n$/.exec(said)?.[1])
  expect(said).toMatch(/^Sending millrace, seed 3 at 500 records\/s\.\n/)
  expect(rate).toBeGreaterThan(400)
  expect(rate).toBeLessThanOrEqual(505)
})
