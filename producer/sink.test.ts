import { expect, test } from 'vitest'
import { partitionOf } from '../processor/kafka/native/murmur2.ts'
import { plain } from '../schemas/avro.ts'
import { paymentLabels, payments } from '../schemas/payments/topics.ts'
import { memoryRegistry } from '../schemas/registry-memory.ts'
import type { Emission } from './emission.ts'
import { PortCarrier } from './port-carrier.ts'
import { drillEmissions } from './profiles/drill.ts'
import { EmissionSink } from './sink.ts'
import { KeepingProducer } from './testing/fakes.ts'

const registry = memoryRegistry()
const payment = await payments.value.bind!({ topic: 'payments', part: 'value', writes: true, registry })
const label = await paymentLabels.value.bind!({ topic: 'payment_labels', part: 'value', writes: true, registry })
const partitions = 6

function makeSink(delayMs: number | null = null): { producer: KeepingProducer; sink: EmissionSink } {
  const producer = new KeepingProducer()
  const carrier = new PortCarrier({
    producer,
    payments: { name: 'payments', partitions },
    ...(delayMs === null ? {} : { labels: { name: 'payment_labels', partitions } }),
    partitionOf,
  })
  const sink = new EmissionSink({
    carrier,
    payment,
    ...(delayMs === null ? {} : { labels: { serde: label, delayMs } }),
  })
  return { producer, sink }
}

const emissions = drillEmissions()
const velocity = emissions.filter(emission => emission.label?.episodeId === 'VELOCITY-1')

test('records keep key, time, order and value; the partition is that of the key', async () => {
  const { producer, sink } = makeSink()
  await sink.send(emissions.slice(0, 200))
  expect(producer.records.length).toBe(200)
  for (const [i, record] of producer.records.entries()) {
    const emission = emissions[i]!
    const key = Buffer.from(emission.key!)
    expect(record).toMatchObject({ topic: 'payments', timestamp: emission.timestamp, key: emission.key, headers: null })
    expect(record.partition).toBe(partitionOf(key, 0, key.length, partitions))
    expect(plain(payment.read(record.value!, 0, record.value!.length))).toEqual(emission.payment)
  }
  expect(new Set(producer.records.map(({ partition }) => partition)).size).toBe(partitions)
})

test('null keys and null values stay null; a record without a key goes where it hints', async () => {
  const { producer, sink } = makeSink()
  const odd: Emission = { ...emissions[0]!, key: null, damage: 'NULL', partitionHint: 10 }
  await sink.send([odd])
  expect(producer.records).toMatchObject([{ partition: 4, key: null, value: null }])
})

test('the end is marked in every partition, with the last sending time', async () => {
  const { producer, sink } = makeSink()
  await sink.send(emissions.slice(0, 3))
  await sink.finish({ endMarks: true })
  const marks = producer.records.slice(3)
  expect(marks.map(({ partition }) => partition)).toEqual([0, 1, 2, 3, 4, 5])
  for (const mark of marks) {
    expect(mark).toMatchObject({ key: null, value: null, timestamp: emissions[2]!.timestamp })
    // One header; a name of 21 bytes; a value of 0 bytes. Counts and sizes are zig-zag numbers.
    expect(mark.headers).toEqual(Buffer.from('\u0002\u002amillrace-end-of-input\u0000'))
  }
})

test('without the wish, the end is not marked', async () => {
  const { producer, sink } = makeSink()
  await sink.send(emissions.slice(0, 3))
  await sink.finish({ endMarks: false })
  expect(producer.records.length).toBe(3)
})

test('labels come after their delay, before the payments of the same instant, and the rest at the end', async () => {
  // The payments of a VELOCITY episode are 10 s apart.
  const { producer, sink } = makeSink(20_000)
  await sink.send(velocity)
  await sink.finish({ endMarks: false })
  const order = producer.records.map(record => {
    const bytes = record.value!
    if (record.topic === 'payments') return payment.read(bytes, 0, bytes.length).paymentId.slice(-2)
    const told = label.read(bytes, 0, bytes.length)
    expect(told.labelTime).toBe(told.eventTime + 20_000)
    expect(record.timestamp).toBe(told.labelTime)
    expect(told).toMatchObject({ fraud: true, scenario: 'VELOCITY', episodeId: 'VELOCITY-1', source: 'GENERATOR' })
    return `label ${told.paymentId.slice(-2)}`
  })
  const inOrder = 'e0, e1, label e0, e2, label e1, e3, label e2, e4, label e3, e5, label e4, e6, label e5, e7'
  expect(order.join(', ')).toBe(`${inOrder}, label e6, label e7`)
})

test('a sink without labels sends none', async () => {
  const { producer, sink } = makeSink()
  await sink.send(velocity)
  await sink.finish({ endMarks: false })
  expect(producer.records.length).toBe(8)
  await sink.close()
  expect(producer.closed).toBe(true)
})
