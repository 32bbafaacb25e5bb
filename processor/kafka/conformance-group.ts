import { Buffer } from 'node:buffer'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { GroupHandlers, GroupMember, GroupMemberInfo, GroupOptions, Kafka, TopicPartition } from '../ports.ts'
import { append, at, fresh, newProducer, newTopic, open, until, type MakeKafka } from './conformance-tools.ts'

const numbers = (partitions: readonly TopicPartition[]): string => partitions.map(({ partition }) => partition).join()

/** What happened to a member, in order. */
class Diary implements GroupHandlers {
  readonly topic: string
  readonly events: string[] = []
  readonly name: string
  assigned: readonly number[] | null = null
  userData: string | null = null
  assigns = 0
  failure: unknown = null
  seen: readonly GroupMemberInfo[] = []
  /** Awaited while partitions are given up. */
  revoking: () => Promise<void> = () => Promise.resolve()

  constructor(name: string, topic: string) {
    this.name = name
    this.topic = topic
  }

  subscription(): { topics: readonly string[]; userData: Buffer | null } {
    return { topics: [this.topic], userData: Buffer.from(`host of ${this.name}`) }
  }

  assign(members: readonly GroupMemberInfo[]): ReturnType<GroupHandlers['assign']> {
    this.assigns++
    this.seen = members
    const ids = members.map(({ memberId }) => memberId).toSorted()
    return new Map(
      ids.map((memberId, index) => {
        const mine = [0, 1, 2, 3].filter(partition => partition % ids.length === index)
        const partitions = mine.map(partition => ({ topic: this.topic, partition }))
        return [memberId, { partitions, userData: Buffer.from(`part ${index + 1} of ${ids.length}`) }]
      }),
    )
  }

  async onAssigned(partitions: readonly TopicPartition[], userData: Buffer | null): Promise<void> {
    this.assigned = partitions.map(({ partition }) => partition)
    this.userData = userData === null ? null : userData.toString()
    this.events.push(`assigned ${numbers(partitions)}`)
  }

  async onRevoked(partitions: readonly TopicPartition[]): Promise<void> {
    await this.revoking()
    this.assigned = null
    this.events.push(`revoked ${numbers(partitions)}`)
  }

  async onLost(partitions: readonly TopicPartition[]): Promise<void> {
    this.assigned = null
    this.events.push(`lost ${numbers(partitions)}`)
  }

  onFailed(error: unknown): void {
    this.failure = error
  }
}

const options = (groupId: string, instanceId: string | null = null): GroupOptions => ({
  groupId,
  instanceId,
  sessionTimeoutMs: 6000,
  rebalanceTimeoutMs: 10_000,
  heartbeatIntervalMs: 50,
})

async function join(
  kafka: Kafka,
  diary: Diary,
  groupId: string,
  instanceId: string | null = null,
): Promise<GroupMember> {
  const member = await kafka.join(options(groupId, instanceId), diary)
  // A static member that is closed with its client stays in the group until its session ends; nobody else uses the
  // group.
  if (instanceId === null) onTestFinished(() => member.leave())
  return member
}

export function groupConformance(makeKafka: MakeKafka): void {
  describe('groups', () => {
    test('one member gets everything, with user data both ways', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 4)
      const groupId = fresh('group')
      const diary = new Diary('one', topic)
      const member = await join(kafka, diary, groupId)
      await until(() => diary.assigned !== null)
      expect(diary.assigned).toEqual([0, 1, 2, 3])
      expect(diary.userData).toBe('part 1 of 1')
      expect(diary.seen[0]).toMatchObject({ topics: [topic], userData: Buffer.from('host of one'), instanceId: null })
      expect(member.metadata()).toMatchObject({ groupId, generation: 1, instanceId: null })
    })

    test('two members share, and one that leaves gives back', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 4)
      const groupId = fresh('group')
      const one = new Diary('one', topic)
      await join(kafka, one, groupId)
      await until(() => one.assigned?.length === 4)
      let released = false
      one.revoking = async () => {
        // The second member waits for this.
        for (let turns = 0; turns < 20; turns++) await kafka.admin().topics([topic])
        released = true
      }
      const two = new Diary('two', topic)
      const second = await join(await open(makeKafka), two, groupId)
      await until(() => two.assigned !== null)
      expect(released).toBe(true)
      await until(() => one.assigned !== null)
      expect([...one.assigned!, ...two.assigned!].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3])
      expect(one.events.slice(0, 2)).toEqual(['assigned 0,1,2,3', 'revoked 0,1,2,3'])
      await second.leave()
      await until(() => one.assigned?.length === 4)
    })

    test('offsets are committed by members, and refused from a generation that is gone', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 4)
      const groupId = fresh('group')
      const one = new Diary('one', topic)
      const member = await join(kafka, one, groupId)
      await until(() => one.assigned !== null)
      await member.commit([at(topic, 0, 5), at(topic, 3, 6)])
      const partitions = [0, 1, 3].map(partition => ({ topic, partition }))
      expect(await kafka.admin().committed(groupId, partitions)).toEqual([
        { topic, partition: 0, offset: 5 },
        { topic, partition: 1, offset: null },
        { topic, partition: 3, offset: 6 },
      ])
      const old = member.metadata()
      const two = new Diary('two', topic)
      await join(await open(makeKafka), two, groupId)
      await until(() => two.assigned !== null && one.assigned !== null)
      const producer = await newProducer(kafka)
      append(producer, topic, 0, { value: 'v' })
      await producer.flush()
      await expect(producer.sendOffsets([at(topic, 0, 9)], old)).rejects.toMatchObject({ code: 'FENCED' })
      await producer.init()
      const unknown = { ...member.metadata(), memberId: 'nobody' }
      await expect(producer.sendOffsets([at(topic, 0, 9)], unknown)).rejects.toMatchObject({ code: 'FENCED' })
      await producer.init()
      await producer.sendOffsets([at(topic, 0, 8)], member.metadata())
      await producer.end('commit')
      const [committed] = await kafka.admin().committed(groupId, [{ topic, partition: 0 }])
      expect(committed!.offset).toBe(8)
    })

    test('a member that left cannot commit', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 4)
      const one = new Diary('one', topic)
      const member = await join(kafka, one, fresh('group'))
      await until(() => one.assigned !== null)
      await member.leave()
      await expect(member.commit([at(topic, 0, 1)])).rejects.toMatchObject({ code: 'FENCED' })
    })

    test('a member can leave while it waits to join', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 4)
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
      const second = await join(await open(makeKafka), two, groupId)
      await until(() => asked)
      await second.leave()
      release()
      await until(() => one.events.length === 3)
      expect(one.assigned).toEqual([0, 1, 2, 3])
      expect(two.events).toEqual([])
      expect(two.failure).toBeNull()
    })

    test('a static member that comes back keeps its partitions, and nobody else notices', async () => {
      const topic = await newTopic(await open(makeKafka), 4)
      const groupId = fresh('group')
      const stays = new Diary('stays', topic)
      const staying = await join(await open(makeKafka), stays, groupId, 'instance-a')
      await until(() => stays.assigned !== null)
      const goes = new Diary('goes', topic)
      const { kafka, close } = await makeKafka()
      await join(kafka, goes, groupId, 'instance-b')
      await until(() => goes.assigned !== null && stays.assigned?.length === 2)
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
      const topic = await newTopic(await open(makeKafka), 4)
      const groupId = fresh('group')
      const first = new Diary('first', topic)
      const { kafka, close } = await makeKafka()
      await join(kafka, first, groupId, 'instance-a')
      await until(() => first.assigned !== null)
      await close()
      const back = new Diary('back', topic)
      const member = await join(await open(makeKafka), back, groupId, 'instance-a')
      await until(() => back.assigned !== null)
      expect(back.assigned).toEqual([0, 1, 2, 3])
      expect(back.assigns).toBe(0)
      expect(member.metadata().generation).toBe(1)
      await member.leave()
    })

    test('of two members with one instance id the older is fenced and fails', async () => {
      const topic = await newTopic(await open(makeKafka), 4)
      const groupId = fresh('group')
      const older = new Diary('older', topic)
      await join(await open(makeKafka), older, groupId, 'instance-a')
      await until(() => older.assigned !== null)
      const newer = new Diary('newer', topic)
      const member = await join(await open(makeKafka), newer, groupId, 'instance-a')
      await until(() => newer.assigned !== null && older.failure !== null)
      expect(older.failure).toMatchObject({ code: 'FENCED' })
      expect(older.events.at(-1)).toBe('lost 0,1,2,3')
      await member.leave()
    })

    test('a member that the broker does not accept fails', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 4)
      const diary = new Diary('one', topic)
      const member = await kafka.join({ ...options(fresh('group')), sessionTimeoutMs: 1 }, diary)
      await until(() => diary.failure !== null)
      expect(diary.failure).toMatchObject({ error: 'INVALID_SESSION_TIMEOUT' })
      await member.leave()
    })
  })
}
