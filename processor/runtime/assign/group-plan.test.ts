import { expect, test } from 'vitest'
import { int64, json, text } from '../../../schemas/serdes.ts'
import { topic } from '../../../schemas/topic.ts'
import { compile } from '../../../topology/compile.ts'
import { count } from '../../../topology/counting.ts'
import { topology } from '../../../topology/stream.ts'
import type { GroupMemberInfo, TopicPartition } from '../../ports.ts'
import type { AppTopics } from '../topics.ts'
import { fingerprintOf } from './fingerprint.ts'
import { formerOwners as holders, planGeneration } from './group-plan.ts'
import { comparePlaces, sourcesOf, type TaskPlace, taskName, taskFinder } from './places.ts'
import { decodeAssignmentData, encodeMemberData, type Holdings } from './user-data.ts'

// Two inputs that are joined, and a repartition topic behind them: a task is a partition of both, or one of the latter.

const payments = topic('payments', text, int64)
const names = topic('names', text, text)
const out = topic(
  'out',
  text,
  json<any>('any', value => value),
)

const t = topology('app')
t.stream(payments)
  .join(t.table(names), value => value)
  .groupBy(value => `g${value % 3}`, text, int64)
  .aggregate('groups', { n: count() })
  .changes()
  .to(out)
const compiled = compile(t as any)
const width = 3
const topics = {
  tasks: compiled.subTopologies.map(() => width),
  partitions: () => width,
  repartition: (name: string) => `app-${name}-repartition`,
} as unknown as AppTopics
const find = taskFinder(compiled, topics)
const all: TaskPlace[] = compiled.subTopologies.flatMap(({ id }) =>
  Array.from({ length: width }, (_, partition) => ({ part: id, partition })),
)

interface Worker {
  readonly id: string
  readonly memberId?: string
  readonly instanceId?: string
  readonly nonce?: number
  readonly owned?: readonly TopicPartition[]
  readonly generation?: number
  readonly running?: readonly TaskPlace[]
  readonly holdings?: Holdings | null
  readonly isTransactional?: boolean
  readonly topology?: string
}

function info(worker: Worker): GroupMemberInfo {
  const { id, nonce = 1, running = [], holdings = null, isTransactional = true } = worker
  const { topology: runs = fingerprintOf(compiled) } = worker
  return {
    memberId: worker.memberId ?? `member of ${id}`,
    instanceId: worker.instanceId ?? null,
    topics: [],
    owned: worker.owned ?? [],
    generation: worker.generation ?? -1,
    userData: encodeMemberData({
      id,
      topology: runs,
      isTransactional,
      process: id,
      worker: 0,
      nonce,
      running,
      copies: [],
      holdings,
    }),
  }
}

/** What each member gets, and what all of them learn. */
function plan(workers: readonly Worker[], generation = 1) {
  const shares = planGeneration(compiled, topics, workers.map(info), generation)
  const partitions = (id: string): readonly TopicPartition[] => shares.get(`member of ${id}`)!.partitions
  const tasks = (id: string): readonly TaskPlace[] => find(partitions(id))
  const { holdings, upcoming } = decodeAssignmentData([...shares.values()][0]!.userData!)
  return { partitions, tasks, holdings, upcoming }
}

const formerOwners = (...args: Parameters<typeof holders>): string[] => holders(...args).map(({ id }) => id)

const shown = (tasks: readonly TaskPlace[]): string => tasks.map(taskName).join(' ')

test('the sources of a task go to one member, and tasks of both sub-topologies to each', () => {
  const { partitions, tasks } = plan([{ id: 'a' }, { id: 'b' }, { id: 'c' }])
  for (const id of ['a', 'b', 'c']) {
    expect(tasks(id).map(({ part }) => part)).toEqual([0, 1])
    const sources = tasks(id).flatMap(task => sourcesOf(compiled, topics, task))
    expect(partitions(id)).toEqual(sources)
    expect(partitions(id).map(({ topic: name }) => name)).toEqual(['payments', 'names', 'app-groups-repartition'])
  }
})

test('nobody has to be fenced in a group from which nobody vanished', () => {
  const first = plan([{ id: 'a' }])
  const owned = first.partitions('a')
  const second = plan([{ id: 'a', owned, generation: 1, running: all, holdings: first.holdings }, { id: 'b' }], 2)
  expect(second.holdings.generation).toBe(2)
  for (const task of all) expect(formerOwners(second.holdings, task, 'b')).toEqual([])
})

test('who vanished is to be fenced by whoever opens its tasks, until somebody has', () => {
  const before = plan([{ id: 'a' }, { id: 'b' }, { id: 'c' }])
  const stays = (id: string, holdings: Holdings, owned: readonly TopicPartition[], running: readonly TaskPlace[]) => ({
    id,
    owned,
    generation: holdings.generation,
    running,
    holdings,
  })
  // c is gone. b, who gets one of its tasks, dies before it has opened it.
  const second = plan(
    ['a', 'b'].map(id => stays(id, before.holdings, before.partitions(id), before.tasks(id))),
    2,
  )
  const lost = before.tasks('c')
  expect(shown([...second.tasks('a'), ...second.tasks('b')].toSorted(comparePlaces))).toBe(shown(all))
  for (const task of all) {
    const isLost = lost.some(other => taskName(other) === taskName(task))
    expect(formerOwners(second.holdings, task, 'a')).toEqual(isLost ? ['c'] : [])
  }
  const third = plan([stays('a', second.holdings, second.partitions('a'), before.tasks('a')), { id: 'd' }], 3)
  for (const task of lost) {
    const wasGivenToB = second.tasks('b').some(other => taskName(other) === taskName(task))
    expect(formerOwners(third.holdings, task, 'd').toSorted()).toEqual(wasGivenToB ? ['b', 'c'] : ['c'])
  }
  // When somebody runs them, nothing of c can be open any more.
  const fourth = plan([stays('a', third.holdings, third.partitions('a'), all)], 4)
  for (const task of all) expect(formerOwners(fourth.holdings, task, 'a')).not.toContain('c')
})

test('who came back is not fenced by others: it has done so itself', () => {
  const before = plan([{ id: 'a' }, { id: 'b' }])
  const { holdings } = before
  const stays = { id: 'a', owned: before.partitions('a'), generation: 1, running: before.tasks('a'), holdings }
  const back = plan([stays, { id: 'b', nonce: 9 }], 2)
  for (const task of all) expect(formerOwners(back.holdings, task, 'a')).toEqual([])
  // It is likely to have the state of what it ran.
  expect(shown(back.tasks('b'))).toBe(shown(before.tasks('b')))
})

test('without transactions there is nobody to fence', () => {
  const before = plan([
    { id: 'a', isTransactional: false },
    { id: 'b', isTransactional: false },
  ])
  const after = plan(
    [{ id: 'a', isTransactional: false, owned: before.partitions('a'), generation: 1, holdings: before.holdings }],
    2,
  )
  for (const task of all) expect(formerOwners(after.holdings, task, 'a')).toEqual([])
})

test('a static member that did not join keeps what it was given last, although it never said so', () => {
  const a = { id: 'a', instanceId: 'a', nonce: 5 }
  const before = plan([a, { id: 'b' }])
  // Its subscription is the one of that time, without anything owned; all others have joined again.
  const { holdings } = before
  const b = { id: 'b', owned: before.partitions('b'), generation: 1, nonce: 2, running: before.tasks('b'), holdings }
  const asleep = plan([a, b, { id: 'c' }], 2)
  expect(shown(asleep.tasks('a'))).toBe(shown(before.tasks('a')))
  expect(shown(asleep.tasks('c'))).toBe('')
  // With a new draw it has joined: what it does not claim is free.
  const awake = plan([{ ...a, nonce: 6 }, b, { id: 'c' }], 2)
  expect(shown(awake.tasks('a')).length).toBeLessThan(shown(before.tasks('a')).length)
})

const newer = { id: 'new', topology: '0badcafe' }

test('who comes with another topology gets nothing, and nobody is disturbed', () => {
  const before = plan([{ id: 'a' }, { id: 'b' }])
  const stays = (id: string) => ({ id, owned: before.partitions(id), generation: 1, holdings: before.holdings })
  const after = plan([stays('a'), newer, stays('b')], 2)
  expect(after.partitions('new')).toEqual([])
  for (const id of ['a', 'b']) expect(shown(after.tasks(id))).toBe(shown(before.tasks(id)))
  expect(after.holdings.topology).toBe(fingerprintOf(compiled))
  expect(after.holdings.holders.map(({ id }) => id)).toEqual(['a', 'b'])
})

test('a leader with another topology than the group runs throws; where nothing runs its own is the right one', () => {
  const { holdings } = plan([{ id: 'a' }])
  const old: Holdings = { ...holdings, topology: newer.topology }
  const others = { ...newer, holdings: old }
  expect(() => plan([{ id: 'a' }, others], 2)).toThrow(/run another topology \(0badcafe, and this one [0-9a-f]{8}\)/)
  const alone = plan(
    [
      { id: 'a', holdings: old },
      { id: 'c', topology: '12345678' },
    ],
    2,
  )
  expect(shown(alone.tasks('a'))).toBe(shown(all))
  expect(alone.partitions('c')).toEqual([])
})
