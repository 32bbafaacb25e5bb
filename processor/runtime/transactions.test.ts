import { expect, test } from 'vitest'
import type { GroupMember, GroupMetadata, PartitionOffset, Producer } from '../ports.ts'
import { silentLog, systemWorld } from '../world.ts'
import type { Storing } from './storing.ts'
import type { Task } from './task.ts'
import type { AppTopics } from './topics.ts'
import { Transactions } from './transactions.ts'

const taskThat = (wantsCommit: boolean): Task =>
  ({
    wantsCommit,
    freeze: () => 0,
    positions: (): PartitionOffset[] => [{ topic: 'payments', partition: 0, offset: 5 }],
    committed: () => undefined,
  }) as unknown as Task

const task = taskThat(false)

/** Transactions of one task, and the generations that their commits named. */
function bench(guarantee: 'exactly_once' | 'at_least_once') {
  const named: number[] = []
  const group = { generation: 1 }
  const producer = {
    bufferedBytes: 0,
    seal: () => undefined,
    flush: () => Promise.resolve(),
    nextOffset: () => -1,
    init: () => Promise.resolve(),
    end: () => Promise.resolve(),
    sendOffsets: async (_: readonly PartitionOffset[], { generation }: GroupMetadata) => void named.push(generation),
  } as unknown as Producer
  const member = {
    metadata: () => ({ groupId: 'app', memberId: 'a', instanceId: null, generation: group.generation }),
    commit: async (_: readonly PartitionOffset[], { generation }: GroupMetadata) => void named.push(generation),
  } as unknown as GroupMember
  const transactions = new Transactions({
    guarantee,
    producer,
    topics: {} as AppTopics,
    world: systemWorld(silentLog),
    storing: { check: () => undefined, afterCommit: () => undefined, forget: () => undefined } as unknown as Storing,
    commitIntervalMs: 60_000,
    sendBytes: 0,
    holdBytes: 0,
    member: () => member,
    onStep: () => undefined,
    onCommitted: () => undefined,
    onSettled: () => undefined,
  })
  return { transactions, group, named }
}

test.each(['exactly_once', 'at_least_once'] as const)(
  'a commit names the membership that its transaction was begun under (%s)',
  async guarantee => {
    const { transactions, group, named } = bench(guarantee)
    transactions.begin()
    group.generation = 2
    transactions.begin()
    await transactions.commitNow([task])
    expect(named).toEqual([1])
    transactions.begin()
    await transactions.commitNow([task])
    expect(named).toEqual([1, 2])
  },
)

test('what was begun as a member is forgotten with a fresh start', async () => {
  const { transactions, group, named } = bench('exactly_once')
  transactions.begin()
  await transactions.reset()
  group.generation = 2
  await transactions.commitNow([task])
  expect(named).toEqual([])
  transactions.begin()
  await transactions.commitNow([task])
  expect(named).toEqual([2])
})

test('a commit without records names the membership of the moment', async () => {
  const { transactions, group, named } = bench('exactly_once')
  transactions.begin()
  await transactions.commitNow([task])
  group.generation = 2
  await transactions.see([taskThat(true)])
  await transactions.settle()
  expect(named).toEqual([1, 2])
})
