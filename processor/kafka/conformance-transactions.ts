import { describe, expect, test } from 'vitest'
import {
  append,
  appendAll,
  at,
  committedOffset,
  fresh,
  newProducer,
  newTopic,
  numbered,
  open,
  outside,
  readTo,
  settled,
  valuesOf,
  visible,
  type MakeKafka,
} from './conformance-tools.ts'

export function transactionsConformance(makeKafka: MakeKafka): void {
  describe('transactions', () => {
    test('committed records are visible, aborted ones only to read_uncommitted, and both move the position', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka)
      for (const [name, outcome] of [
        ['a', 'commit'],
        ['b', 'abort'],
        ['c', 'commit'],
      ] as const) {
        appendAll(producer, topic, 0, numbered(name, 3))
        await producer.flush()
        await producer.end(outcome)
      }
      const end = await settled(kafka, { topic, partition: 0 })
      expect(end).toBe(12)
      const committed = await readTo(kafka, { topic, partition: 0 }, end)
      expect(valuesOf(committed.rows)).toEqual(['a0', 'a1', 'a2', 'c0', 'c1', 'c2'])
      expect(committed.rows.map(({ offset }) => offset)).toEqual([0, 1, 2, 8, 9, 10])
      expect(committed.aborted).toBe(3)
      const all = await readTo(kafka, { topic, partition: 0 }, end, { isolation: 'read_uncommitted' })
      expect(valuesOf(all.rows)).toEqual([...numbered('a', 3), ...numbered('b', 3), ...numbered('c', 3)])
    })

    test('several aborted transactions in one answer, of two producers', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const one = await newProducer(kafka)
      const two = await newProducer(kafka)
      for (let round = 0; round < 3; round++) {
        appendAll(one, topic, 0, numbered(`one${round}-`, 2))
        await one.flush()
        appendAll(two, topic, 0, numbered(`two${round}-`, 2))
        await two.flush()
        await two.end(round === 1 ? 'commit' : 'abort')
        await one.end('abort')
      }
      appendAll(one, topic, 0, ['last'])
      await one.flush()
      await one.end('commit')
      expect(await visible(kafka, topic)).toEqual(['two1-0', 'two1-1', 'last'])
    })

    test('an aborted transaction that is larger than an answer stays invisible', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka)
      for (let flush = 0; flush < 20; flush++) {
        appendAll(producer, topic, 0, numbered(`${'x'.repeat(1000)} ${flush} `, 20))
        await producer.flush()
      }
      await producer.end('abort')
      appendAll(producer, topic, 0, ['after'])
      await producer.flush()
      await producer.end('commit')
      const end = await settled(kafka, { topic, partition: 0 })
      const { rows, aborted, polls } = await readTo(kafka, { topic, partition: 0 }, end, { partitionMaxBytes: 30_000 })
      expect(valuesOf(rows)).toEqual(['after'])
      expect(aborted).toBe(400)
      expect(polls.filter(({ records, bytes }) => bytes > 0 && records.length === 0).length).toBeGreaterThan(5)
    })

    test('a log of nothing but aborted transactions is read to its end', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka)
      for (let round = 0; round < 5; round++) {
        appendAll(producer, topic, 0, ['x'])
        await producer.flush()
        await producer.end('abort')
      }
      const end = await settled(kafka, { topic, partition: 0 })
      expect(end).toBe(10)
      expect((await readTo(kafka, { topic, partition: 0 }, end)).rows).toEqual([])
    })

    test('a transaction over many partitions and two topics', async () => {
      const kafka = await open(makeKafka)
      const topics = [await newTopic(kafka, 8), await newTopic(kafka, 8)]
      const producer = await newProducer(kafka)
      for (const topic of topics) for (let p = 0; p < 8; p++) appendAll(producer, topic, p, numbered(`p${p}-`, 5))
      await producer.flush()
      await producer.end('commit')
      for (const topic of topics) {
        for (let partition = 0; partition < 8; partition++) {
          expect(await visible(kafka, topic, partition)).toEqual(numbered(`p${partition}-`, 5))
        }
      }
    })

    test('abort drops what was appended and not sent', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka)
      append(producer, topic, 0, { value: 'sent' })
      await producer.flush()
      append(producer, topic, 0, { value: 'appended' })
      producer.seal()
      append(producer, topic, 0, { value: 'after the seal' })
      await producer.end('abort', () => append(producer, topic, 0, { value: 'appended meanwhile' }))
      expect(producer.bufferedBytes).toBe(0)
      append(producer, topic, 0, { value: 'kept' })
      await producer.flush()
      await producer.end('commit')
      expect(await visible(kafka, topic)).toEqual(['kept'])
    })

    test('empty transactions end without leaving a trace', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka)
      let sent = 0
      const count = (): void => void sent++
      await producer.flush()
      await producer.end('commit', count)
      await producer.end('abort', count)
      producer.seal()
      await producer.flush()
      await producer.end('commit', count)
      expect(sent).toBe(0)
      append(producer, topic, 0, { value: 'v' })
      await producer.flush()
      await producer.end('commit', count)
      expect(sent).toBe(1)
      expect(await visible(kafka, topic)).toEqual(['v'])
    })

    test('what is appended after the seal belongs to the next transaction', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka)
      append(producer, topic, 0, { value: 'first' })
      producer.seal()
      append(producer, topic, 0, { value: 'second' })
      await producer.flush()
      append(producer, topic, 0, { value: 'third' })
      await producer.end('commit', () => append(producer, topic, 0, { value: 'fourth' }))
      expect(await visible(kafka, topic)).toEqual(['first'])
      producer.seal()
      await producer.flush()
      await producer.end('abort')
      append(producer, topic, 0, { value: 'fifth' })
      await producer.flush()
      await producer.end('commit')
      expect(await visible(kafka, topic)).toEqual(['first', 'fifth'])
    })

    test('offsets are committed with the transaction, not before, and not when it is aborted', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka)
      const groupId = fresh('group')
      expect(await committedOffset(kafka, groupId, topic)).toBeNull()
      append(producer, topic, 0, { value: 'v' })
      await producer.flush()
      await producer.sendOffsets([at(topic, 0, 7)], outside(groupId))
      await producer.end('commit')
      expect(await committedOffset(kafka, groupId, topic)).toBe(7)
      await producer.sendOffsets([at(topic, 0, 9)], outside(groupId))
      await producer.end('abort')
      expect(await committedOffset(kafka, groupId, topic)).toBe(7)
      await producer.sendOffsets([at(topic, 0, 11)], outside(groupId))
      await producer.end('commit')
      expect(await committedOffset(kafka, groupId, topic)).toBe(11)
    })

    test('committed offsets are asked for until the transaction that changes them has ended', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka)
      const groupId = fresh('group')
      await producer.sendOffsets([at(topic, 0, 7)], outside(groupId))
      let answered = false
      const reading = committedOffset(kafka, groupId, topic).finally(() => (answered = true))
      await newTopic(kafka)
      expect(answered).toBe(false)
      await producer.end('commit')
      expect(await reading).toBe(7)
    })

    test('offsets of many partitions arrive, all of them', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 8)
      const producer = await newProducer(kafka)
      const groupId = fresh('group')
      const offsets = Array.from({ length: 8 }, (_, partition) => at(topic, partition, 100 + partition))
      await producer.sendOffsets(offsets, outside(groupId))
      await producer.end('commit')
      expect(await kafka.admin().committed(groupId, offsets)).toEqual(offsets)
    })

    test('a hundred short transactions in a row', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 2)
      const producer = await newProducer(kafka)
      for (let round = 0; round < 100; round++) {
        append(producer, topic, 0, { value: `v${round}` })
        append(producer, topic, 1, { value: `v${round}` })
        producer.seal()
        await producer.flush()
        await producer.end('commit')
      }
      expect(await visible(kafka, topic, 0)).toEqual(numbered('v', 100))
      expect(await visible(kafka, topic, 1)).toEqual(numbered('v', 100))
    })
  })
}
