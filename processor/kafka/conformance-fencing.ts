import { describe, expect, test } from 'vitest'
import {
  append,
  at,
  committedOffset,
  fresh,
  newProducer,
  newTopic,
  open,
  outside,
  settled,
  visible,
  type MakeKafka,
} from './conformance-tools.ts'

/** Who has been replaced, or was too slow, must not have any effect. */
export function fencingConformance(makeKafka: MakeKafka): void {
  describe('fencing', () => {
    test('a second holder fences the first and aborts what it left', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const transactionalId = fresh('tx')
      const zombie = await newProducer(kafka, { transactionalId })
      append(zombie, topic, 0, { value: 'zombie' })
      await zombie.flush()
      const owner = await newProducer(kafka, { transactionalId })
      append(owner, topic, 0, { value: 'owner' })
      await owner.flush()
      await owner.end('commit')
      append(zombie, topic, 0, { value: 'late' })
      await expect(zombie.flush()).rejects.toMatchObject({ code: 'FENCED' })
      await expect(zombie.end('commit')).rejects.toMatchObject({ code: 'FENCED' })
      expect(await visible(kafka, topic)).toEqual(['owner'])
    })

    test.each(['commit', 'abort'] as const)('a zombie is refused when it wants to %s', async outcome => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const transactionalId = fresh('tx')
      const zombie = await newProducer(kafka, { transactionalId })
      append(zombie, topic, 0, { value: 'zombie' })
      await zombie.flush()
      await newProducer(kafka, { transactionalId })
      await expect(zombie.end(outcome)).rejects.toMatchObject({ code: 'FENCED' })
      expect(await visible(kafka, topic)).toEqual([])
    })

    test('a zombie is refused when it commits offsets', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const groupId = fresh('group')
      const transactionalId = fresh('tx')
      const zombie = await newProducer(kafka, { transactionalId })
      append(zombie, topic, 0, { value: 'zombie' })
      await zombie.flush()
      await newProducer(kafka, { transactionalId })
      const committing = zombie.sendOffsets([at(topic, 0, 5)], outside(groupId))
      await expect(committing).rejects.toMatchObject({ code: 'FENCED' })
      expect(await committedOffset(kafka, groupId, topic)).toBeNull()
    })

    test('open transactions are found by the beginning of their ids', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const prefix = `${fresh('tx')}/`
      const [begun, ended] = [`${prefix}begun`, `${prefix}ended`]
      for (const transactionalId of [begun, ended, `${prefix}idle`, fresh('tx')]) {
        const producer = await newProducer(kafka, { transactionalId })
        if (transactionalId.endsWith('idle')) continue
        append(producer, topic, 0, { value: 'v' })
        await producer.flush()
        if (transactionalId === ended) await producer.end('abort')
      }
      expect(await kafka.admin().ongoingTransactions(prefix)).toEqual([begun])
      expect(await kafka.admin().ongoingTransactions(begun)).toEqual([begun])
      expect(await kafka.admin().ongoingTransactions(`${prefix}none`)).toEqual([])
      await newProducer(kafka, { transactionalId: begun })
      expect(await kafka.admin().ongoingTransactions(prefix)).toEqual([])
    })

    test('a restart with the same transactional id goes on, and so does a fenced producer after init', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const transactionalId = fresh('tx')
      for (let start = 0; start < 3; start++) {
        const producer = await newProducer(kafka, { transactionalId })
        append(producer, topic, 0, { value: `start ${start}` })
        await producer.flush()
        await producer.end('commit')
        if (start === 2) {
          await newProducer(kafka, { transactionalId })
          append(producer, topic, 0, { value: 'fenced' })
          await expect(producer.flush()).rejects.toMatchObject({ code: 'FENCED' })
          await producer.init()
          append(producer, topic, 0, { value: 'again' })
          await producer.flush()
          await producer.end('commit')
        }
      }
      expect(await visible(kafka, topic)).toEqual(['start 0', 'start 1', 'start 2', 'again'])
    })

    test('a transaction that the broker has timed out cannot be committed', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka, { transactionTimeoutMs: 300 })
      append(producer, topic, 0, { value: 'late' })
      await producer.flush()
      // Only the broker ends it: its stable end moves past the record and the marker.
      await settled(kafka, { topic, partition: 0 })
      await expect(producer.end('commit')).rejects.toThrow()
      await producer.init()
      append(producer, topic, 0, { value: 'replayed' })
      await producer.flush()
      await producer.end('commit')
      expect(await visible(kafka, topic)).toEqual(['replayed'])
    })
  })
}
