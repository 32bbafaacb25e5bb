import { expect, test } from 'vitest'
import { int64, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { topology } from '../../topology/stream.ts'
import type { Admin, Kafka } from '../ports.ts'
import { Harness } from '../testing/harness.ts'
import { beforeEndMarks } from './ended.ts'

const events = topic('events', text, int64)
const out = topic('out', text, int64)

/** A record, a mark, a record, a mark. */
async function setup(): Promise<Harness> {
  const harness = new Harness()
  const t = topology('app')
  t.stream(events).to(out)
  await harness.createTopics(t, 1)
  await harness.produce([{ topic: events, key: 'a', value: 1, timestamp: 1 }], [events])
  await harness.produce([{ topic: events, key: 'a', value: 2, timestamp: 2 }], [events])
  return harness
}

/** As if the log had ended at `end` when it was asked. */
function endingAt(kafka: Kafka, end: number): Kafka {
  const admin = kafka.admin()
  const offsets: Admin['offsets'] = async (partitions, at, isolation) =>
    at === 'latest' ? partitions.map(each => ({ ...each, offset: end })) : admin.offsets(partitions, at, isolation)
  return {
    capabilities: kafka.capabilities,
    connect: signal => kafka.connect(signal),
    admin: () => Object.assign(Object.create(admin) as Admin, { offsets }),
    fetcher: options => kafka.fetcher(options),
    producer: options => kafka.producer(options),
    join: (options, handlers) => kafka.join(options, handlers),
    close: () => kafka.close(),
  }
}

const { signal } = new AbortController()
const at = (offset: number) => ({ topic: 'events', partition: 0, offset })

test('who goes on just behind the mark of the end hears it again', async () => {
  const harness = await setup()
  expect(await beforeEndMarks([at(4)], harness.kafka, signal)).toEqual([at(3)])
  await harness.close()
})

test('who goes on in the middle of a partition goes on there', async () => {
  const harness = await setup()
  expect(await beforeEndMarks([at(3)], harness.kafka, signal)).toEqual([])
  expect(await beforeEndMarks([at(2)], harness.kafka, signal)).toEqual([])
  await harness.close()
})

test('a mark that was written since skips nothing that stands before it', async () => {
  const harness = await setup()
  expect(await beforeEndMarks([at(2)], endingAt(harness.kafka, 2), signal)).toEqual([at(1)])
  await harness.close()
})
