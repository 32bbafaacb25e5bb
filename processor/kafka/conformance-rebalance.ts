import { describe, expect, test } from 'vitest'
import { Diary, join } from './conformance-group-tools.ts'
import {
  append,
  at,
  fresh,
  newProducer,
  newTopic,
  open,
  until,
  visible,
  world,
  type MakeKafka,
} from './conformance-tools.ts'

const all = [0, 1, 2, 3, 4, 5]

/** Who has what, over all members: every partition once. */
const isDealt = (diaries: readonly Diary[]): boolean =>
  diaries.every(({ assigned }) => assigned !== null && assigned.length === 6 / diaries.length) &&
  diaries
    .flatMap(({ assigned }) => assigned!)
    .toSorted((a, b) => a - b)
    .join() === all.join()

/** What was taken from a member. */
const takenFrom = ({ events }: Diary): string[] => events.filter(event => !event.startsWith('assigned'))

/** Nobody stops for a rebalance but for what moves, and what moves has stopped before it starts elsewhere (KIP-429). */
export function rebalanceConformance(makeKafka: MakeKafka): void {
  const gather = async (topic: string, groupId: string, count: number): Promise<Diary[]> => {
    const diaries: Diary[] = []
    for (let member = 0; member < count; member++) {
      const diary = new Diary(`member ${member}`, topic)
      diaries.push(diary)
      await join(await open(makeKafka), diary, groupId)
      await until(() => isDealt(diaries))
    }
    return diaries
  }

  describe('cooperative rebalances', () => {
    test('one to three members: only what moves is given up, and before it is given to another', async () => {
      const topic = await newTopic(await open(makeKafka), 6)
      const diaries = await gather(topic, fresh('group'), 3)
      for (const { events } of diaries) {
        const owned = new Set<string>()
        for (const event of events) {
          const [what, list = ''] = event.split(' ')
          const partitions = list === '' ? [] : list.split(',')
          expect(what).not.toBe('lost')
          if (what === 'revoked') for (const partition of partitions) expect(owned.delete(partition)).toBe(true)
          // What it kept was never taken from it.
          if (what === 'assigned') for (const partition of owned) expect(partitions).toContain(partition)
          if (what === 'assigned') for (const partition of partitions) owned.add(partition)
        }
      }
      // Member ids decide who has which third: half of what the first two had may move, and no more than that.
      expect(takenFrom(diaries[2]!)).toEqual([])
      expect(takenFrom(diaries[0]!).length).toBeLessThanOrEqual(2)
    })

    test('what moves is given when it was given up, not before', async () => {
      const topic = await newTopic(await open(makeKafka), 6)
      const groupId = fresh('group')
      const [first] = await gather(topic, groupId, 1)
      let release = (): void => {}
      let asked = false
      first!.revoking = () => {
        asked = true
        return new Promise(resolve => (release = resolve))
      }
      const second = new Diary('second', topic)
      await join(await open(makeKafka), second, groupId)
      await until(() => asked && second.assigned !== null)
      expect(second.assigned).toEqual([])
      expect(first!.assigned).toEqual(all)
      release()
      await until(() => isDealt([first!, second]))
      expect(second.events).toHaveLength(2)
    })

    test.each([null, 'instance-c'])(
      'when one leaves (%s) the others get its part at once, and keep theirs',
      async name => {
        const topic = await newTopic(await open(makeKafka), 6)
        const groupId = fresh('group')
        const diaries = await gather(topic, groupId, 2)
        const third = new Diary('third', topic)
        const leaving = await join(await open(makeKafka), third, groupId, name)
        await until(() => isDealt([...diaries, third]))
        const startedMs = world.clock.monotonic()
        await leaving.leave()
        await until(() => isDealt(diaries))
        // A static member too (KIP-345): nobody waits for its session to end.
        expect(world.clock.monotonic() - startedMs).toBeLessThan(5000)
        expect(diaries.flatMap(({ events }) => events.filter(event => event.startsWith('lost')))).toEqual([])
      },
    )

    test('one that vanishes is missed after its session, and one that was put out loses everything', async () => {
      const topic = await newTopic(await open(makeKafka), 6)
      const groupId = fresh('group')
      const diaries = await gather(topic, groupId, 2)
      const third = new Diary('third', topic)
      const { kafka, close } = await makeKafka()
      const startedMs = world.clock.monotonic()
      await kafka.join(
        { groupId, instanceId: null, sessionTimeoutMs: 6000, rebalanceTimeoutMs: 10_000, heartbeatIntervalMs: 50 },
        third,
      )
      await until(() => isDealt([...diaries, third]))
      await close()
      await until(() => isDealt(diaries))
      expect(world.clock.monotonic() - startedMs).toBeGreaterThan(5000)
      // Its partitions were free at once: nobody had to give them up first.
      expect(diaries.flatMap(({ events }) => events.filter(event => event.startsWith('lost')))).toEqual([])
    }, 20_000)

    test('a member whose heartbeats stopped arriving is told so, gives everything up, and comes back', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 6)
      const groupId = fresh('group')
      const diary = new Diary('slow', topic)
      const options = { groupId, instanceId: null, sessionTimeoutMs: 6000, rebalanceTimeoutMs: 10_000 }
      const member = await kafka.join({ ...options, heartbeatIntervalMs: 7000 }, diary)
      await until(() => diary.events.length === 3)
      expect(diary.events).toEqual([`assigned ${all.join()}`, `lost ${all.join()}`, `assigned ${all.join()}`])
      await member.leave()
    }, 20_000)

    test('transactions are committed all through the rebalances, in whatever generation they end', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 6)
      const groupId = fresh('group')
      const diary = new Diary('busy', topic)
      const member = await join(kafka, diary, groupId)
      await until(() => diary.assigned?.length === 6)
      const producer = await newProducer(kafka)
      const output = await newTopic(kafka)
      const generations = new Set<number>()
      let isOver = false
      let commits = 0
      const commit = async (): Promise<void> => {
        const [partition] = diary.assigned!
        append(producer, output, 0, { value: `${commits}` })
        await producer.flush()
        await producer.sendOffsets([at(topic, partition!, ++commits)], member.metadata())
        await producer.end('commit')
        generations.add(member.metadata().generation)
      }
      // What is given up is committed first, and not taken up again.
      let transaction = Promise.resolve()
      let isGivingUp = (): boolean => false
      diary.revoking = () => {
        const { length } = diary.events
        isGivingUp = () => diary.events.length === length
        return transaction
      }
      const committing = (async () => {
        while (!isOver) {
          if (!isGivingUp()) transaction = commit()
          await transaction
          await world.scheduler.yield()
        }
      })()
      for (let times = 0; times < 4; times++) {
        const other = new Diary('other', topic)
        const leaving = await join(await open(makeKafka), other, groupId)
        await until(() => isDealt([diary, other]))
        await leaving.leave()
        await until(() => diary.assigned?.length === 6)
      }
      isOver = true
      await committing
      expect(generations.size).toBeGreaterThan(6)
      const offsets = await kafka.admin().committed(
        groupId,
        all.map(partition => ({ topic, partition })),
      )
      expect(Math.max(...offsets.map(({ offset }) => offset ?? 0))).toBe(commits)
      expect(await visible(kafka, output)).toHaveLength(commits)
    })

    test('what was begun as the owner of a partition is not committed when another owns it', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 6)
      const groupId = fresh('group')
      const older = new Diary('older', topic)
      const member = await join(kafka, older, groupId)
      await until(() => older.assigned?.length === 6)
      // As if giving up were done before the commit is: the name of the new generation must not stand for the old one.
      const begun = member.metadata()
      const newer = new Diary('newer', topic)
      const successor = await join(await open(makeKafka), newer, groupId)
      await until(() => isDealt([older, newer]))
      const [moved, kept] = [newer.assigned![0]!, older.assigned![0]!]
      await successor.commit([at(topic, moved, 7)], successor.metadata())
      const producer = await newProducer(kafka)
      const stale = producer.sendOffsets([at(topic, kept, 4), at(topic, moved, 3)], begun)
      await expect(stale).rejects.toMatchObject({ code: 'FENCED' })
      await expect(member.commit([at(topic, moved, 3)], begun)).rejects.toMatchObject({ code: 'FENCED' })
      await producer.init()
      await producer.sendOffsets([at(topic, kept, 4)], begun)
      await producer.end('commit')
      const offsets = await kafka.admin().committed(groupId, [
        { topic, partition: moved },
        { topic, partition: kept },
      ])
      expect(offsets.map(({ offset }) => offset)).toEqual([7, 4])
    })

    test('a member can ask whether its membership stands', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 6)
      const groupId = fresh('group')
      const older = new Diary('older', topic)
      const member = await join(kafka, older, groupId, 'instance-a')
      await until(() => older.assigned?.length === 6)
      expect(await member.confirm()).toBe(true)
      expect(older.events).toHaveLength(1)
      const newer = new Diary('newer', topic)
      const successor = await join(await open(makeKafka), newer, groupId, 'instance-a')
      await until(() => newer.assigned?.length === 6)
      expect(await member.confirm()).toBe(false)
      await until(() => older.failure !== null)
      await member.leave()
      expect(await successor.confirm()).toBe(true)
      await successor.leave()
    })

    test('a member joins again when it is asked to', async () => {
      const kafka = await open(makeKafka)
      const topic = await newTopic(kafka, 6)
      const diary = new Diary('one', topic)
      const member = await join(kafka, diary, fresh('group'))
      await until(() => diary.assigned?.length === 6)
      member.rejoin('It has more to say.')
      await until(() => diary.events.length === 2)
      expect(member.metadata().generation).toBe(2)
      expect(takenFrom(diary)).toEqual([])
    })
  })
}
