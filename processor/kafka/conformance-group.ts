import { Buffer } from 'node:buffer'
import { describe, expect, test } from 'vitest'
import { Diary, groupOptions, join } from './conformance-group-tools.ts'
import { append, at, fresh, newProducer, newTopic, open, until, type MakeKafka } from './conformance-tools.ts'

export function groupConformance(makeKafka: MakeKafka): void {
  describe('groups', () => {
    test('one member gets everything, with user data both ways', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 6)
      const groupId = fresh('group')
      const diary = new Diary('one', topic)
      const member = await join(kafka, diary, groupId)
      await until(() => diary.assigned !== null)
      expect(diary.assigned).toEqual([0, 1, 2, 3, 4, 5])
      expect(diary.userData).toBe('part 1 of 1')
      expect(diary.seen[0]).toMatchObject({ topics: [topic], userData: Buffer.from('host of one'), instanceId: null })
      expect(member.metadata()).toMatchObject({ groupId, generation: 1, instanceId: null })
    })

    test('two members share, and one that leaves gives back', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 6)
      const groupId = fresh('group')
      const one = new Diary('one', topic)
      await join(kafka, one, groupId)
      await until(() => one.assigned?.length === 6)
      let released = false
      one.revoking = async () => {
        // The second member waits for this.
        for (let turns = 0; turns < 20; turns++) await kafka.admin().topics([topic])
        released = true
      }
      const two = new Diary('two', topic)
      const second = await join(await open(makeKafka), two, groupId)
      await until(() => two.assigned?.length === 3)
      expect(released).toBe(true)
      expect(one.assigned).toHaveLength(3)
      expect([...one.assigned!, ...two.assigned!].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5])
      expect(one.events[1]).toMatch(/^revoked (0,2,4|1,3,5)$/)
      await second.leave()
      await until(() => one.assigned?.length === 6)
    })

    test('offsets are committed by members, and refused from a generation that is gone', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 6)
      const groupId = fresh('group')
      const one = new Diary('one', topic)
      const member = await join(kafka, one, groupId)
      await until(() => one.assigned !== null)
      await member.commit([at(topic, 0, 5), at(topic, 3, 6)], member.metadata())
      const partitions = [0, 1, 3].map(partition => ({ topic, partition }))
      expect(await kafka.admin().committed(groupId, partitions)).toEqual([
        { topic, partition: 0, offset: 5 },
        { topic, partition: 1, offset: null },
        { topic, partition: 3, offset: 6 },
      ])
      const { renewed, ...old } = member.metadata()
      const two = new Diary('two', topic)
      await join(await open(makeKafka), two, groupId)
      await until(() => two.assigned?.length === 3)
      expect(await renewed!([])).toMatchObject({ memberId: old.memberId, generation: member.metadata().generation })
      const producer = await newProducer(kafka)
      append(producer, topic, 0, { value: 'v' })
      await producer.flush()
      await expect(producer.sendOffsets([at(topic, 0, 9)], old)).rejects.toMatchObject({ code: 'FENCED' })
      await producer.init()
      const { renewed: _, ...mine } = member.metadata()
      const unknown = { ...mine, memberId: 'nobody' }
      await expect(producer.sendOffsets([at(topic, 0, 9)], unknown)).rejects.toMatchObject({ code: 'FENCED' })
      await producer.init()
      await producer.sendOffsets([at(topic, 0, 8)], member.metadata())
      await producer.end('commit')
      const [committed] = await kafka.admin().committed(groupId, [{ topic, partition: 0 }])
      expect(committed!.offset).toBe(8)
    })

    test('a member that left cannot commit', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 6)
      const one = new Diary('one', topic)
      const member = await join(kafka, one, fresh('group'))
      await until(() => one.assigned !== null)
      await member.leave()
      await expect(member.commit([at(topic, 0, 1)], member.metadata())).rejects.toMatchObject({ code: 'FENCED' })
    })

    test('a member can leave while it waits to join', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 6)
      const groupId = fresh('group')
      const one = new Diary('one', topic)
      await join(kafka, one, groupId)
      await until(() => one.assigned !== null)
      let release = (): void => {}
      let asked = false
      one.revoking = () => {
        asked = true
        return new Promise(resolve => (release = resolve))
      }
      const two = new Diary('two', topic)
      await join(await open(makeKafka), two, groupId)
      await until(() => asked)
      // The group waits for the first member now, and so does the third.
      const three = new Diary('three', topic)
      const third = await join(await open(makeKafka), three, groupId)
      // By now the group has heard of the third.
      await until(() => two.joins === 2)
      await third.leave()
      release()
      await until(() => one.assigned?.length === 3 && two.assigned?.length === 3)
      expect(three.failure).toBeNull()
    })

    test('a static member that comes back keeps its partitions, and nobody else notices', async () => {
      const topic = await newTopic(await open(makeKafka), 6)
      const groupId = fresh('group')
      const stays = new Diary('stays', topic)
      const staying = await join(await open(makeKafka), stays, groupId, 'instance-a')
      await until(() => stays.assigned !== null)
      const goes = new Diary('goes', topic)
      const { kafka, close } = await makeKafka()
      await join(kafka, goes, groupId, 'instance-b')
      await until(() => goes.assigned?.length === 3 && stays.assigned?.length === 3)
      const before = { assigned: goes.assigned, events: stays.events.length, ...staying.metadata() }
      await close()
      const back = new Diary('back', topic)
      const member = await join(await open(makeKafka), back, groupId, 'instance-b')
      await until(() => back.assigned !== null)
      expect(back.assigned).toEqual(before.assigned)
      expect(member.metadata().generation).toBe(before.generation)
      expect(stays.events).toHaveLength(before.events)
      await member.leave()
      await staying.leave()
    })

    test('a static leader that comes back leaves the assignment as it is', async () => {
      const topic = await newTopic(await open(makeKafka), 6)
      const groupId = fresh('group')
      const first = new Diary('first', topic)
      const { kafka, close } = await makeKafka()
      await join(kafka, first, groupId, 'instance-a')
      await until(() => first.assigned !== null)
      await close()
      const back = new Diary('back', topic)
      const member = await join(await open(makeKafka), back, groupId, 'instance-a')
      await until(() => back.assigned !== null)
      expect(back.assigned).toEqual([0, 1, 2, 3, 4, 5])
      expect(back.assigns).toBe(0)
      expect(member.metadata().generation).toBe(1)
      await member.leave()
    })

    test('of two members with one instance id the older is fenced and fails', async () => {
      const topic = await newTopic(await open(makeKafka), 6)
      const groupId = fresh('group')
      const older = new Diary('older', topic)
      await join(await open(makeKafka), older, groupId, 'instance-a')
      await until(() => older.assigned !== null)
      const newer = new Diary('newer', topic)
      const member = await join(await open(makeKafka), newer, groupId, 'instance-a')
      await until(() => newer.assigned !== null && older.failure !== null)
      expect(older.failure).toMatchObject({ code: 'FENCED', message: expect.stringContaining('instance-a') })
      expect(older.events.at(-1)).toBe('lost 0,1,2,3,4,5')
      await member.leave()
    })

    test('a member that the broker does not accept fails', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 6)
      const diary = new Diary('one', topic)
      const member = await kafka.join({ ...groupOptions(fresh('group')), sessionTimeoutMs: 1 }, diary)
      await until(() => diary.failure !== null)
      expect(diary.failure).toMatchObject({ error: 'INVALID_SESSION_TIMEOUT' })
      await member.leave()
    })
  })
}
