import { expect, test } from 'vitest'
import { int64, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { compile } from '../../topology/compile.ts'
import { topology } from '../../topology/stream.ts'
import { fingerprintOf } from './assign/fingerprint.ts'
import { decodeMemberData, encodeAssignmentData, type Holder, type StateCopy } from './assign/user-data.ts'
import { Membership } from './membership.ts'
import type { AppTopics } from './topics.ts'

const t = topology('app')
t.stream(topic('payments', text, int64)).to(topic('out', text, int64))
const compiled = compile(t as any)
const topics = { tasks: [4], partitions: () => 4 } as unknown as AppTopics

function member(copies: readonly StateCopy[] = []): { membership: Membership; rejoins: string[]; draw: () => number } {
  const rejoins: string[] = []
  let draws = 0
  const membership = new Membership({
    compiled,
    topics,
    random: { next: () => ++draws / 1000 },
    identity: { id: 'app-a-0', isTransactional: true },
    process: 'a',
    worker: 0,
    settings: { standbyReplicas: 0, warmups: 2, acceptableLagRecords: 10_000 },
    running: () => [],
    copies: () => copies,
    release: () => Promise.resolve(),
    changed: () => undefined,
    lost: () => Promise.resolve(),
    rejoin: reason => void rejoins.push(reason),
    failed: error => {
      throw error
    },
  })
  return { membership, rejoins, draw: () => decodeMemberData(membership.subscription().userData).nonce }
}

/** Gives payments 0 and 1, with what its leader has noted of this member. */
async function assigned(
  membership: Membership,
  noted: Partial<Holder>,
  topology = fingerprintOf(compiled),
): Promise<void> {
  const self = { id: 'app-a-0', isTransactional: true, isPresent: true, isAsleep: false, nonce: 0, ...noted }
  const holders = [{ ...self, tasks: (noted.tasks ?? []).map(({ partition }) => ({ part: 0, partition })) }]
  const userData = encodeAssignmentData({
    upcoming: [],
    standbys: [],
    warmups: [],
    holdings: { generation: 3, topology, holders },
  })
  const partitions = [0, 1].map(partition => ({ topic: 'payments', partition }))
  await membership.onAssigned(partitions, userData)
}

const tasks = (...partitions: number[]) => partitions.map(partition => ({ part: 0, partition }))

test('what is assigned for its own JoinGroup is taken as it is, also when something is to be given up', async () => {
  const { membership, rejoins, draw } = member()
  await assigned(membership, { nonce: draw(), tasks: tasks(0, 1, 2) })
  expect([...membership.wanted.keys()]).toEqual(['0_0', '0_1'])
  expect(rejoins).toEqual([])
})

test('a static member that comes back to what it had does not disturb the others', async () => {
  const { membership, rejoins, draw } = member()
  draw()
  await assigned(membership, { nonce: 4711, tasks: tasks(0, 1) })
  expect(rejoins).toEqual([])
})

test('one that died before it could say that it had given up its tasks says so when it is back', async () => {
  const { membership, rejoins, draw } = member()
  draw()
  await assigned(membership, { nonce: 4711, tasks: tasks(0, 1, 2) })
  expect(rejoins).toHaveLength(1)
})

test('one that was passed over while it was away asks for its share', async () => {
  const { membership, rejoins, draw } = member()
  draw()
  await assigned(membership, { nonce: 4711, isAsleep: true, tasks: tasks(0, 1) })
  expect(rejoins).toHaveLength(1)
})

test('each JoinGroup draws anew, and says what it knows', async () => {
  const copy: StateCopy = { part: 0, partition: 1, kind: 'local', heldOffset: 7, lagRecords: 0 }
  const { membership, draw } = member([copy])
  const first = draw()
  expect(draw()).not.toBe(first)
  await assigned(membership, { nonce: draw(), tasks: tasks(0, 1) })
  const said = decodeMemberData(membership.subscription().userData)
  expect(said.holdings).toMatchObject({ generation: 3 })
  expect(said.copies).toEqual([copy])
})

test('who vanished is fenced once, and again when it has come back and vanished again', async () => {
  const { membership, draw } = member()
  const gone = (nonce: number): Partial<Holder> => ({ id: 'app-b-0', isPresent: false, nonce, tasks: tasks(0, 1) })
  draw()
  await assigned(membership, gone(5))
  const first = membership.formerOwners(tasks(0))
  expect(first.ids).toEqual(['app-b-0'])
  // It could not be done: it is still to be done.
  expect(membership.formerOwners(tasks(1)).ids).toEqual(['app-b-0'])
  first.done()
  expect(membership.formerOwners(tasks(1)).ids).toEqual([])
  await assigned(membership, gone(6))
  expect(membership.formerOwners(tasks(0)).ids).toEqual(['app-b-0'])
})

test('what another topology has left is not taken', async () => {
  const { membership, draw } = member()
  const taking = assigned(membership, { nonce: draw(), tasks: tasks(0, 1) }, '0badcafe')
  await expect(taking).rejects.toMatchObject({ code: 'CONFIG', message: expect.stringContaining('0badcafe') })
  expect(membership.wanted.size).toBe(0)
})

test('who has something open and is unknown to the group is asked for once, when nothing is changing', async () => {
  const { membership, draw } = member()
  await assigned(membership, { nonce: draw(), tasks: tasks(0, 1) })
  const open = ['app-a-0', 'app-b-0']
  const first = membership.formerOwners(tasks(0))
  draw()
  expect(first.forgotten!(open)).toEqual([])
  first.done()
  await assigned(membership, { nonce: draw(), tasks: tasks(0, 1) })
  const second = membership.formerOwners(tasks(0))
  expect(second.forgotten!(open)).toEqual(['app-b-0'])
  // Not fenced yet: it is asked for again.
  expect(membership.formerOwners(tasks(0)).forgotten).not.toBeNull()
  second.done()
  expect(membership.formerOwners(tasks(0)).forgotten).toBeNull()
})
