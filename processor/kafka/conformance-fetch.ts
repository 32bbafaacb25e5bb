import { describe, expect, test } from 'vitest'
import {
  appendAll,
  at,
  newProducer,
  newTopic,
  numbered,
  open,
  pollFor,
  rowsOf,
  valuesOf,
  type MakeKafka,
  type Text,
} from './conformance-tools.ts'
import type { Fetcher, Kafka } from '../ports.ts'

async function topicWith(kafka: Kafka, partitions: number, values: readonly string[]): Promise<string> {
  const topic = await newTopic(kafka, partitions)
  const producer = await newProducer(kafka, { transactionalId: null })
  for (let partition = 0; partition < partitions; partition++) appendAll(producer, topic, partition, values)
  await producer.flush()
  return topic
}

/** Polls until `count` records have come, and answers them by partition. */
async function take(fetcher: Fetcher, count: number): Promise<Map<number, Text[]>> {
  const taken = new Map<number, Text[]>()
  for (let left = count; left > 0;) {
    for (const fetched of await fetcher.poll(1000)) {
      left -= fetched.records.length
      taken.set(fetched.partition, [...(taken.get(fetched.partition) ?? []), ...valuesOf(rowsOf(fetched))])
    }
  }
  return taken
}

export function fetchConformance(makeKafka: MakeKafka): void {
  describe('fetching', () => {
    test('every partition is read once and in order, whatever the size of an answer', async () => {
      const kafka = await open(makeKafka)
      const values = numbered('v'.repeat(100), 400)
      const topic = await topicWith(kafka, 4, values)
      const fetcher = kafka.fetcher({ isolation: 'read_committed', partitionMaxBytes: 5000 })
      fetcher.assign([0, 1, 2, 3].map(partition => at(topic, partition, 0)))
      const taken = await take(fetcher, 1600)
      for (const partition of [0, 1, 2, 3]) expect(taken.get(partition)).toEqual(values)
      await fetcher.close()
    })

    test('reading begins at the offset asked for, in the middle of a batch', async () => {
      const kafka = await open(makeKafka)
      const topic = await topicWith(kafka, 1, numbered('v', 10))
      const fetcher = kafka.fetcher({ isolation: 'read_uncommitted' })
      fetcher.assign([at(topic, 0, 7)])
      const fetched = await pollFor(fetcher, ({ records }) => records.length > 0)
      expect(valuesOf(rowsOf(fetched))).toEqual(['v7', 'v8', 'v9'])
      expect(fetched).toMatchObject({ nextOffset: 10, highWatermark: 10, lastStableOffset: 10, logStartOffset: 0 })
    })

    test('a partition with nothing to read says so', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: 20 })
      fetcher.assign([at(topic, 0, 0)])
      const fetched = await pollFor(fetcher, () => true)
      expect(fetched).toMatchObject({ nextOffset: 0, highWatermark: 0, bytes: 0, error: null })
      expect(fetched.records.length).toBe(0)
    })

    test('records that come later wake a waiting poll', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: 5000 })
      fetcher.assign([at(topic, 0, 0)])
      const polling = pollFor(fetcher, ({ records }) => records.length > 0)
      const producer = await newProducer(kafka, { transactionalId: null })
      appendAll(producer, topic, 0, ['late'])
      await producer.flush()
      expect(valuesOf(rowsOf(await polling))).toEqual(['late'])
    })

    test('poll ends after its time when nothing is assigned', async () => {
      const kafka = await open(makeKafka)
      expect(await kafka.fetcher({ isolation: 'read_committed' }).poll(10)).toEqual([])
    })

    test.each(['fetcher', 'client'] as const)(
      'closing the %s ends a poll that waits, and all later ones',
      async which => {
        const kafka = await open(makeKafka)
        const fetcher = kafka.fetcher({ isolation: 'read_committed' })
        const polling = fetcher.poll(60_000)
        await (which === 'fetcher' ? fetcher : kafka).close()
        expect(await polling).toEqual([])
        await expect(fetcher.poll(60_000)).rejects.toMatchObject({ code: 'KAFKA_RETRIABLE' })
      },
    )

    test('a signal ends a poll that waits, and nothing is lost by it', async () => {
      const kafka = await open(makeKafka)
      const topic = await topicWith(kafka, 1, ['a', 'b'])
      const fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: 20 })
      const stop = new AbortController()
      const polling = fetcher.poll(60_000, stop.signal)
      stop.abort()
      expect(await polling).toEqual([])
      expect(await fetcher.poll(60_000, stop.signal)).toEqual([])
      fetcher.assign([at(topic, 0, 0)])
      expect(await take(fetcher, 2)).toEqual(new Map([[0, ['a', 'b']]]))
    })

    test('an offset out of range is reported, once, and a seek mends it', async () => {
      const kafka = await open(makeKafka)
      const topic = await topicWith(kafka, 2, numbered('v', 10))
      await kafka.admin().deleteRecords([at(topic, 0, 4)])
      const fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: 20 })
      fetcher.assign([at(topic, 0, 2), at(topic, 1, 99)])
      const errors = new Map<number, string>()
      while (errors.size < 2) {
        for (const { partition, error } of await fetcher.poll(1000)) {
          expect(errors.has(partition)).toBe(false)
          errors.set(partition, error!)
        }
      }
      expect([...errors.values()]).toEqual(['OFFSET_OUT_OF_RANGE', 'OFFSET_OUT_OF_RANGE'])
      expect(await fetcher.poll(50)).toEqual([])
      fetcher.assign([at(topic, 0, 4)])
      expect(await take(fetcher, 6)).toEqual(new Map([[0, ['v4', 'v5', 'v6', 'v7', 'v8', 'v9']]]))
    })

    test('a seek gives no record from before it, also when answers wait', async () => {
      const kafka = await open(makeKafka)
      const topic = await topicWith(kafka, 1, numbered('v'.repeat(50), 200))
      const fetcher = kafka.fetcher({ isolation: 'read_committed', partitionMaxBytes: 500, maxWaitMs: 20 })
      for (const target of [50, 10, 120, 0, 199]) {
        fetcher.assign([at(topic, 0, target)])
        const fetched = await pollFor(fetcher, ({ records }) => records.length > 0)
        expect(fetched.records.offset[0]).toBe(target)
      }
      // One that is sought between an answer and its delivery.
      fetcher.assign([at(topic, 0, 0)])
      await pollFor(fetcher, ({ records }) => records.length > 0)
      fetcher.assign([at(topic, 0, 77)])
      const fetched = await pollFor(fetcher, ({ records }) => records.length > 0)
      expect(fetched.records.offset[0]).toBe(77)
    })

    test('an unassigned partition is silent, and assigned again begins where it is told', async () => {
      const kafka = await open(makeKafka)
      const topic = await topicWith(kafka, 2, numbered('v', 100))
      const fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: 20 })
      fetcher.assign([at(topic, 0, 0), at(topic, 1, 0)])
      fetcher.unassign([{ topic, partition: 0 }])
      expect([...(await take(fetcher, 100)).keys()]).toEqual([1])
      for (let polls = 0; polls < 3; polls++) {
        expect((await fetcher.poll(30)).filter(({ partition }) => partition === 0)).toEqual([])
      }
      fetcher.assign([at(topic, 0, 95)])
      expect((await take(fetcher, 5)).get(0)).toEqual(['v95', 'v96', 'v97', 'v98', 'v99'])
    })

    test('a paused partition keeps its place, and loses and doubles nothing', async () => {
      const kafka = await open(makeKafka)
      const values = numbered('v'.repeat(80), 300)
      const topic = await topicWith(kafka, 2, values)
      const fetcher = kafka.fetcher({ isolation: 'read_committed', partitionMaxBytes: 2000, maxWaitMs: 20 })
      fetcher.assign([at(topic, 0, 0), at(topic, 1, 0)])
      const zero = [{ topic, partition: 0 }]
      const taken: Text[] = []
      let paused = false
      for (let polls = 0; taken.length < 300; polls++) {
        if (polls % 3 === 0) {
          paused = !paused
          if (paused) fetcher.pause(zero)
          else fetcher.resume(zero)
        }
        for (const fetched of await fetcher.poll(100)) {
          if (fetched.partition !== 0) continue
          expect(paused).toBe(false)
          taken.push(...valuesOf(rowsOf(fetched)))
        }
      }
      expect(taken).toEqual(values)
    })

    test('a partition that is assigned while the others wait at the broker is asked for at once', async () => {
      const kafka = await open(makeKafka)
      const quiet = await newTopic(kafka)
      const topic = await topicWith(kafka, 1, ['v'])
      const fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: 10_000 })
      fetcher.assign([at(quiet, 0, 0)])
      expect(await fetcher.poll(100)).toEqual([])
      fetcher.assign([at(topic, 0, 0)])
      expect(await fetcher.poll(5000)).toHaveLength(1)
      await fetcher.close()
    })
  })
}
