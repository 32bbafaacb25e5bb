import { describe, expect, test } from 'vitest'
import {
  append,
  appendAll,
  at,
  fresh,
  headerBlock,
  newProducer,
  newTopic,
  numbered,
  offsetOf,
  open,
  pollFor,
  readTo,
  settled,
  valuesOf,
  type MakeKafka,
} from './conformance-tools.ts'

/** Topics, offsets and plain records. */
export function topicsConformance(makeKafka: MakeKafka): void {
  describe('topics and records', () => {
    test('topics are created with their settings, described, and deleted', async () => {
      const kafka = await open(makeKafka)
      const admin = kafka.admin()
      const name = await newTopic(kafka, 3, { 'cleanup.policy': 'compact' })
      const missing = fresh('missing')
      const found = await admin.topics([name, missing])
      expect([...found.keys()]).toEqual([name])
      expect(found.get(name)).toMatchObject({ name, partitions: 3, id: expect.stringMatching(/^[0-9a-f]{32}$/) })
      const configs = await admin.topicConfigs([name])
      expect(configs.get(name)).toMatchObject({ 'cleanup.policy': 'compact', 'retention.ms': '-1' })
      await admin.deleteTopics([name, missing])
      expect((await admin.topics([name])).size).toBe(0)
    })

    test('creating a topic that is there is fine when the partitions agree, and refused when not', async () => {
      const kafka = await open(makeKafka)
      const name = await newTopic(kafka, 2)
      await kafka.admin().createTopics([{ name, partitions: 2 }])
      const differing = kafka.admin().createTopics([{ name, partitions: 5 }])
      await expect(differing).rejects.toMatchObject({ code: 'PARTITIONS_DIFFER' })
    })

    test('a topic that is made again has another id, and its readers are told', async () => {
      const kafka = await open(makeKafka)
      const admin = kafka.admin()
      const name = await newTopic(kafka)
      const before = (await admin.topics([name])).get(name)!.id
      const fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: 50 })
      fetcher.assign([at(name, 0, 0)])
      await pollFor(fetcher, ({ error }) => error === null)
      await admin.deleteTopics([name])
      await admin.createTopics([{ name, partitions: 1 }])
      expect((await admin.topics([name])).get(name)!.id).not.toBe(before)
      const { error } = await pollFor(fetcher, fetched => fetched.error !== null)
      expect(['UNKNOWN_TOPIC_ID', 'UNKNOWN_TOPIC_OR_PARTITION']).toContain(error)
      fetcher.assign([at(name, 0, 0)])
      expect(await pollFor(fetcher, () => true)).toMatchObject({ error: null, bytes: 0, nextOffset: 0 })
    })

    test('a topic that is deleted is reported to its readers', async () => {
      const kafka = await open(makeKafka)
      const name = await newTopic(kafka)
      const fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: 50 })
      fetcher.assign([at(name, 0, 0)])
      await pollFor(fetcher, ({ error }) => error === null)
      await kafka.admin().deleteTopics([name])
      const { error } = await pollFor(fetcher, fetched => fetched.error !== null)
      expect(error).toBe('UNKNOWN_TOPIC_OR_PARTITION')
    })

    test('the cluster is described', async () => {
      const kafka = await open(makeKafka)
      const { clusterId, brokers, features } = await kafka.admin().describeCluster()
      expect(clusterId).not.toBe('')
      expect(brokers).toBeGreaterThan(0)
      expect(features.get('transaction.version')).toBeGreaterThanOrEqual(2)
    })

    test('null and empty keys and values, headers and timestamps come back as they were sent', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka, { transactionalId: null })
      append(producer, topic, 0, { key: null, value: null, timestamp: 1_700_000_000_123 })
      append(producer, topic, 0, { key: '', value: '', timestamp: 1_600_000_000_000 })
      append(producer, topic, 0, { key: 'k', value: 'välue 💶', timestamp: 0 })
      append(producer, topic, 0, {
        key: 'k',
        value: 'v',
        headers: [
          ['a', 'b'],
          ['empty', ''],
          ['null', null],
        ],
      })
      await producer.flush()
      const { rows } = await readTo(kafka, { topic, partition: 0 }, 4)
      expect(rows).toEqual([
        { offset: 0, timestamp: 1_700_000_000_123, key: null, value: null, headers: null },
        { offset: 1, timestamp: 1_600_000_000_000, key: '', value: '', headers: null },
        { offset: 2, timestamp: 0, key: 'k', value: 'välue 💶', headers: null },
        {
          offset: 3,
          timestamp: 1000,
          key: 'k',
          value: 'v',
          headers: headerBlock([
            ['a', 'b'],
            ['empty', ''],
            ['null', null],
          ]).toString('hex'),
        },
      ])
    })

    test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
      'records survive compression %s',
      async compression => {
        const kafka = await open(makeKafka)
        const topic = await newTopic(kafka)
        const producer = await newProducer(kafka, { compression })
        const values = numbered('a value that repeats itself, repeats itself ', 500)
        appendAll(producer, topic, 0, values)
        await producer.flush()
        await producer.end('commit')
        await settled(kafka, { topic, partition: 0 })
        expect(valuesOf((await readTo(kafka, { topic, partition: 0 }, 501)).rows)).toEqual(values)
      },
    )

    test('order per partition is kept over many flushes', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 3)
      const producer = await newProducer(kafka, { transactionalId: null })
      const sent: string[][] = [[], [], []]
      for (let index = 0; index < 600; index++) {
        const partition = (index * 7) % 3
        append(producer, topic, partition, { value: `v${index}` })
        sent[partition]!.push(`v${index}`)
        if (index % 20 === 19) await producer.flush()
      }
      for (const [partition, values] of sent.entries()) {
        expect(valuesOf((await readTo(kafka, { topic, partition }, values.length)).rows)).toEqual(values)
      }
    })

    test('more than one batch of a partition is sent in order', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka, { transactionalId: null })
      const filler = 'x'.repeat(10_000)
      const values = numbered(`${filler} `, 300)
      appendAll(producer, topic, 0, values)
      expect(producer.bufferedBytes).toBeGreaterThan(3_000_000)
      await producer.flush()
      expect(producer.bufferedBytes).toBe(0)
      const { rows } = await readTo(kafka, { topic, partition: 0 }, 300)
      expect(valuesOf(rows)).toEqual(values)
    })

    test('a record that is too large for the topic is refused with its place', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 2)
      const producer = await newProducer(kafka)
      append(producer, topic, 1, { value: 'x'.repeat(1_200_000) })
      await expect(producer.flush()).rejects.toMatchObject({ place: { topic, partition: 1 } })
      await expect(producer.flush()).rejects.toThrow('MESSAGE_TOO_LARGE')
      await producer.init()
      append(producer, topic, 1, { value: 'small' })
      await producer.flush()
      await producer.end('commit')
    })

    test('earliest and latest offsets, before and after records are deleted', async () => {
      const kafka = await open(makeKafka)
      const admin = kafka.admin()
      const topic = await newTopic(kafka, 2)
      const producer = await newProducer(kafka, { transactionalId: null })
      appendAll(producer, topic, 1, numbered('v', 10))
      await producer.flush()
      const both = [at(topic, 0, 0), at(topic, 1, 0)]
      const offsets = (which: 'earliest' | 'latest') => admin.offsets(both, which, 'read_committed')
      expect(await offsets('earliest')).toEqual([at(topic, 0, 0), at(topic, 1, 0)])
      expect(await offsets('latest')).toEqual([at(topic, 0, 0), at(topic, 1, 10)])
      await admin.deleteRecords([at(topic, 1, 4)])
      expect(await offsets('earliest')).toEqual([at(topic, 0, 0), at(topic, 1, 4)])
      expect(valuesOf((await readTo(kafka, { topic, partition: 1 }, 10, { from: 4 })).rows)).toHaveLength(6)
    })

    test('an open transaction holds back the latest offset of read_committed only', async () => {
      const kafka = await open(makeKafka)
      const admin = kafka.admin()
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka)
      appendAll(producer, topic, 0, ['a', 'b'])
      await producer.flush()
      const partition = [{ topic, partition: 0 }]
      expect(await offsetOf(admin.offsets(partition, 'latest', 'read_committed'))).toBe(0)
      expect(await offsetOf(admin.offsets(partition, 'latest', 'read_uncommitted'))).toBe(2)
      await producer.end('commit')
      expect(await settled(kafka, { topic, partition: 0 })).toBe(3)
    })
  })
}
