import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { codes } from './codes.ts'
import { Bench } from './testing.ts'

interface Joined {
  readonly errorCode: number
  readonly memberId: string
  readonly generationId: number
  readonly leader: string
  readonly skipAssignment: boolean
  readonly members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[]
}

interface Synced {
  readonly errorCode: number
  readonly assignment: Buffer
}

/** A member with a connection of its own, since JoinGroup holds up what follows on the same one. */
class Member {
  readonly #bench: GroupBench
  readonly name: string
  readonly instanceId: string | null
  memberId = ''
  generation = -1

  constructor(bench: GroupBench, name: string, instanceId: string | null = null) {
    this.#bench = bench
    this.name = name
    this.instanceId = instanceId
  }

  #ask<Answer>(api: string, version: number, body: object): Promise<Answer> {
    const identity = {
      groupId: 'g',
      memberId: this.memberId,
      groupInstanceId: this.instanceId,
      generationId: this.generation,
    }
    return this.#bench.ask(api, version, { ...identity, ...body }, this.name)
  }

  async joinOnce(metadata = this.name, body: object = {}): Promise<Joined> {
    const protocols = [{ name: 'stream', metadata: Buffer.from(metadata) }]
    const answer = await this.#ask<Joined>('JoinGroup', 9, {
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 30_000,
      protocolType: 'consumer',
      protocols,
      reason: null,
      ...body,
    })
    if (answer.memberId !== '') this.memberId = answer.memberId
    if (answer.errorCode === codes.NONE) this.generation = answer.generationId
    return answer
  }

  /** With the round trip in which a dynamic member learns its id. */
  async join(metadata = this.name): Promise<Joined> {
    const answer = await this.joinOnce(metadata)
    return answer.errorCode === codes.MEMBER_ID_REQUIRED ? this.joinOnce(metadata) : answer
  }

  sync(assignments: readonly Member[] = [], body: object = {}): Promise<Synced> {
    const each = assignments.map(({ memberId, name }) => ({ memberId, assignment: Buffer.from(`for ${name}`) }))
    return this.#ask('SyncGroup', 5, { protocolType: 'consumer', protocolName: 'stream', assignments: each, ...body })
  }

  async heartbeat(): Promise<number> {
    return (await this.#ask<{ errorCode: number }>('Heartbeat', 4, {})).errorCode
  }

  async leave(): Promise<number> {
    const members = [{ memberId: this.memberId, groupInstanceId: this.instanceId, reason: null }]
    return (
      (await this.#ask<{ members: { errorCode: number }[] }>('LeaveGroup', 5, { members })).members[0]?.errorCode ?? -1
    )
  }

  async commit(offset: number, body: object = {}): Promise<number> {
    const partitions = [
      { partitionIndex: 0, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: null },
    ]
    const answer = await this.#ask<{ topics: { partitions: { errorCode: number }[] }[] }>('OffsetCommit', 8, {
      generationIdOrMemberEpoch: this.generation,
      topics: [{ name: 't', partitions }],
      ...body,
    })
    return answer.topics[0]?.partitions[0]?.errorCode ?? -1
  }
}

class GroupBench extends Bench {
  member(name: string, instanceId: string | null = null): Member {
    return new Member(this, name, instanceId)
  }

  async committed(): Promise<number> {
    const groups = [{ groupId: 'g', topics: [{ name: 't', partitionIndexes: [0] }] }]
    return (await this.ask('OffsetFetch', 8, { groups, requireStable: true })).groups[0].topics[0].partitions[0]
      .committedOffset
  }

  async state(): Promise<{ groupState: string; protocolType: string; protocolData: string; members: unknown[] }> {
    return (await this.ask('DescribeGroups', 5, { groups: ['g'] })).groups[0]
  }

  /** Lets the members join and sync together; the leader assigns to each its name. */
  async gather(members: readonly Member[]): Promise<Joined[]> {
    const joins = members.map(member => member.join())
    await this.world.advance(0)
    const joined = await Promise.all(joins)
    const synced = await Promise.all(
      members.map((member, index) => member.sync(joined[index]?.leader === member.memberId ? members : [])),
    )
    expect(synced.map(({ assignment }) => assignment.toString())).toEqual(members.map(({ name }) => `for ${name}`))
    return joined
  }
}

test('three members join, the leader sees what each said, each gets its assignment', async () => {
  const bench = new GroupBench()
  const members = ['a', 'b', 'c'].map(name => bench.member(name))
  const joined = await bench.gather(members)
  expect(new Set(joined.map(({ generationId }) => generationId))).toEqual(new Set([1]))
  const leaders = joined.filter(({ leader, memberId }) => leader === memberId)
  expect(leaders).toHaveLength(1)
  expect(leaders[0]?.members.map(({ metadata }) => metadata.toString()).sort()).toEqual(['a', 'b', 'c'])
  expect(joined.filter(({ members: seen }) => seen.length === 0)).toHaveLength(2)
  const { groupState, protocolType, protocolData, members: described } = await bench.state()
  expect([groupState, protocolType, protocolData, described.length]).toEqual(['Stable', 'consumer', 'stream', 3])
})

test('a dynamic member first learns its id; an id that is not used expires with the session', async () => {
  const bench = new GroupBench()
  const member = bench.member('a')
  const first = await member.joinOnce()
  expect(first).toMatchObject({ errorCode: codes.MEMBER_ID_REQUIRED })
  expect(first.memberId).toMatch(/^a-[0-9a-f]{32}$/)
  await bench.world.advance(10_000)
  expect(await member.joinOnce()).toMatchObject({ errorCode: codes.UNKNOWN_MEMBER_ID })
})

test('a new member: the others hear it at their heartbeat, join again, and the generation goes on', async () => {
  const bench = new GroupBench()
  const [a, b] = [bench.member('a'), bench.member('b')]
  await bench.gather([a])
  const joining = b.join()
  await bench.world.settle()
  expect(await a.heartbeat()).toBe(codes.REBALANCE_IN_PROGRESS)
  expect(await a.commit(4, {})).toBe(codes.UNKNOWN_TOPIC_OR_PARTITION)
  const rejoining = a.join()
  await Promise.all([joining, rejoining])
  expect([a.generation, b.generation]).toEqual([2, 2])
  await Promise.all([a.sync([a, b]), b.sync()])
  expect(await a.heartbeat()).toBe(codes.NONE)
  expect((await bench.state()).groupState).toBe('Stable')
})

test('a member that does not come back within the rebalance timeout is left out', async () => {
  const bench = new GroupBench()
  const [a, b] = [bench.member('a'), bench.member('b')]
  await bench.gather([a])
  const joining = b.join()
  for (let waitedMs = 0; waitedMs < 27_000; waitedMs += 9_000) {
    await bench.world.advance(9_000)
    expect(await a.heartbeat()).toBe(codes.REBALANCE_IN_PROGRESS)
  }
  await bench.world.advance(3_000)
  expect(await joining).toMatchObject({ errorCode: codes.NONE, generationId: 2 })
  expect(await a.heartbeat()).toBe(codes.UNKNOWN_MEMBER_ID)
})

test('a new member waits five minutes at most: its client may be gone', async () => {
  const bench = new GroupBench()
  const [a, b] = [bench.member('a'), bench.member('b')]
  const first = await a.joinOnce('a', { rebalanceTimeoutMs: 600_000 })
  expect(first.errorCode).toBe(codes.MEMBER_ID_REQUIRED)
  const joining = a.joinOnce('a', { rebalanceTimeoutMs: 600_000 })
  await bench.world.advance(0)
  await joining
  await a.sync([a])
  const answer = b.join()
  await bench.world.settle()
  for (let waitedMs = 0; waitedMs < 300_000; waitedMs += 9_000) {
    expect(await a.heartbeat()).toBe(codes.REBALANCE_IN_PROGRESS)
    await bench.world.advance(9_000)
  }
  expect(await answer).toMatchObject({ errorCode: codes.UNKNOWN_MEMBER_ID })
})

test('a session ends without heartbeats, and lives with them', async () => {
  const bench = new GroupBench()
  const [a, b] = [bench.member('a'), bench.member('b')]
  await bench.gather([a, b])
  for (let turn = 0; turn < 3; turn++) {
    expect(await a.heartbeat()).toBe(codes.NONE)
    expect(await b.heartbeat()).toBe(codes.NONE)
    await bench.world.advance(9_999)
  }
  expect(await a.heartbeat()).toBe(codes.NONE)
  await bench.world.advance(1)
  expect(await a.heartbeat()).toBe(codes.REBALANCE_IN_PROGRESS)
  expect(await b.heartbeat()).toBe(codes.UNKNOWN_MEMBER_ID)
  expect(await b.commit(3)).toBe(codes.UNKNOWN_MEMBER_ID)
  expect(await a.join()).toMatchObject({ errorCode: codes.NONE, generationId: 2 })
})

test('leaving starts a rebalance at once; the last one leaves the group empty', async () => {
  const bench = new GroupBench()
  const [a, b] = [bench.member('a'), bench.member('b')]
  await bench.gather([a, b])
  expect(await b.leave()).toBe(codes.NONE)
  expect(await b.leave()).toBe(codes.UNKNOWN_MEMBER_ID)
  expect(await a.heartbeat()).toBe(codes.REBALANCE_IN_PROGRESS)
  expect(await a.join()).toMatchObject({ generationId: 2 })
  expect(await a.leave()).toBe(codes.NONE)
  expect(await bench.state()).toMatchObject({ groupState: 'Empty', members: [] })
})

test('a static member comes back: same generation, same assignment, new member id; its old self is fenced', async () => {
  const bench = new GroupBench()
  await bench.topic('t')
  const [a, b] = [bench.member('a', 'host-1'), bench.member('b', 'host-2')]
  const leader = (await bench.gather([a, b]))[0]?.leader
  for (const [old, name] of [
    [a, 'a'],
    [b, 'b'],
  ] as const) {
    const back = bench.member(`${name}-again`, old.instanceId)
    const leads = leader === old.memberId
    const joined = await back.join()
    expect(joined).toMatchObject({ errorCode: codes.NONE, generationId: old.generation, skipAssignment: leads })
    expect(joined.memberId).not.toBe(old.memberId)
    expect((await back.sync()).assignment.toString()).toBe(`for ${name}`)
    expect(await old.heartbeat()).toBe(codes.FENCED_INSTANCE_ID)
    expect(await old.commit(1)).toBe(codes.FENCED_INSTANCE_ID)
    expect(await back.heartbeat()).toBe(codes.NONE)
    expect(await back.commit(1)).toBe(codes.NONE)
  }
})

test('a static member that comes back with other metadata starts no rebalance; a join under its member id does', async () => {
  const bench = new GroupBench()
  const [a, b] = [bench.member('a', 'host-1'), bench.member('b', 'host-2')]
  const joined = await bench.gather([a, b])
  const follower = joined[0]?.leader === a.memberId ? b : a
  const leader = follower === a ? b : a
  const back = bench.member('back', follower.instanceId)
  expect(await back.join('other disk')).toMatchObject({ generationId: 1 })
  expect(await leader.heartbeat()).toBe(codes.NONE)
  const again = back.join('third disk')
  await bench.world.settle()
  expect(await leader.heartbeat()).toBe(codes.REBALANCE_IN_PROGRESS)
  const seen = await leader.join()
  expect(await again).toMatchObject({ generationId: 2 })
  expect(seen.members.map(({ metadata }) => metadata.toString()).sort()).toEqual([leader.name, 'third disk'].sort())
})

test('a follower that joins again unchanged hears the generation it is in', async () => {
  const bench = new GroupBench()
  const members = [bench.member('a'), bench.member('b')]
  const joined = await bench.gather(members)
  const follower = members.find(({ memberId }) => memberId !== joined[0]?.leader)
  expect(await follower?.join()).toMatchObject({ errorCode: codes.NONE, generationId: 1, members: [] })
  expect((await bench.state()).groupState).toBe('Stable')
})

test('a static member can be removed by its instance id alone', async () => {
  const bench = new GroupBench()
  const member = bench.member('a', 'host-1')
  await bench.gather([member])
  const remove = async (instanceId: string): Promise<number> =>
    (
      await bench.ask('LeaveGroup', 5, {
        groupId: 'g',
        members: [{ memberId: '', groupInstanceId: instanceId, reason: null }],
      })
    ).members[0].errorCode
  expect(await remove('host-9')).toBe(codes.UNKNOWN_MEMBER_ID)
  expect(await remove('host-1')).toBe(codes.NONE)
  expect((await bench.state()).groupState).toBe('Empty')
})

test('a follower that does not sync within the rebalance timeout is put out, and the group rebalances', async () => {
  const bench = new GroupBench()
  const [a, b] = [bench.member('a'), bench.member('b')]
  await bench.gather([a])
  const joining = b.join()
  await bench.world.settle()
  await Promise.all([a.join(), joining])
  await a.sync([a, b])
  for (let turn = 0; turn < 4; turn++) {
    for (const member of [a, b]) expect(await member.heartbeat()).toBe(codes.NONE)
    await bench.world.advance(7_500)
  }
  expect(await a.heartbeat()).toBe(codes.REBALANCE_IN_PROGRESS)
  expect(await b.heartbeat()).toBe(codes.UNKNOWN_MEMBER_ID)
})

test('SyncGroup: wrong generation, wrong protocol, and a rebalance that overtakes it', async () => {
  const bench = new GroupBench()
  const [a, b, c] = [bench.member('a'), bench.member('b'), bench.member('c')]
  const joins = [a.join(), b.join()]
  await bench.world.advance(0)
  const [first] = await Promise.all(joins)
  const follower = first?.leader === a.memberId ? b : a
  expect(await follower.sync([], { generationId: 9 })).toMatchObject({ errorCode: codes.ILLEGAL_GENERATION })
  expect(await follower.sync([], { protocolName: 'range' })).toMatchObject({
    errorCode: codes.INCONSISTENT_GROUP_PROTOCOL,
  })
  const waiting = follower.sync()
  await bench.world.settle()
  void c.join()
  expect(await waiting).toMatchObject({ errorCode: codes.REBALANCE_IN_PROGRESS })
})

test('what JoinGroup refuses', async () => {
  const bench = new GroupBench({ minSessionTimeoutMs: 6000 })
  const member = bench.member('a')
  expect(await member.joinOnce('a', { groupId: '' })).toMatchObject({ errorCode: codes.INVALID_GROUP_ID })
  expect(await member.joinOnce('a', { sessionTimeoutMs: 5999 })).toMatchObject({
    errorCode: codes.INVALID_SESSION_TIMEOUT,
  })
  expect(await member.joinOnce('a', { memberId: 'nobody' })).toMatchObject({ errorCode: codes.UNKNOWN_MEMBER_ID })
  member.memberId = ''
  await bench.gather([member])
  const protocols = [{ name: 'other', metadata: Buffer.alloc(0) }]
  expect(await bench.member('b').joinOnce('b', { protocols })).toMatchObject({
    errorCode: codes.INCONSISTENT_GROUP_PROTOCOL,
  })
})

test('the first rebalance waits its delay for more members', async () => {
  const bench = new GroupBench({ initialRebalanceDelayMs: 3000 })
  const [a, b] = [bench.member('a'), bench.member('b')]
  const joins = [a.join()]
  await bench.world.advance(2000)
  joins.push(b.join())
  await bench.world.advance(1000)
  const joined = await Promise.all(joins)
  expect(joined.map(({ generationId }) => generationId)).toEqual([1, 1])
})

test('OffsetCommit: with the membership, without one only while the group is empty', async () => {
  const bench = new GroupBench()
  await bench.topic('t')
  const a = bench.member('a')
  expect(await a.commit(1)).toBe(codes.NONE)
  await bench.gather([a])
  expect(await a.commit(2)).toBe(codes.NONE)
  expect(await a.commit(9, { generationIdOrMemberEpoch: 7 })).toBe(codes.ILLEGAL_GENERATION)
  expect(await a.commit(9, { memberId: 'nobody' })).toBe(codes.UNKNOWN_MEMBER_ID)
  expect(await a.commit(9, { memberId: '', generationIdOrMemberEpoch: -1 })).toBe(codes.UNKNOWN_MEMBER_ID)
  expect(await a.commit(9, { groupId: 'other' })).toBe(codes.ILLEGAL_GENERATION)
  expect(await bench.committed()).toBe(2)
  await bench.ask('DeleteTopics', 6, { topics: [{ name: 't', topicId: '0'.repeat(32) }] })
  expect(await bench.committed()).toBe(-1)
})

test('TxnOffsetCommit is checked against the membership (KIP-447)', async () => {
  const bench = new GroupBench()
  await bench.topic('t')
  const a = bench.member('a', 'host-1')
  await bench.gather([a])
  const { producerId, producerEpoch } = await bench.ask('InitProducerId', 5, {
    transactionalId: 'x',
    transactionTimeoutMs: 9000,
  })
  const commit = async (body: object): Promise<number> => {
    const partitions = [{ partitionIndex: 0, committedOffset: 5, committedLeaderEpoch: -1, committedMetadata: null }]
    return (
      await bench.ask('TxnOffsetCommit', 5, {
        transactionalId: 'x',
        groupId: 'g',
        producerId,
        producerEpoch,
        generationId: a.generation,
        memberId: a.memberId,
        groupInstanceId: a.instanceId,
        topics: [{ name: 't', partitions }],
        ...body,
      })
    ).topics[0].partitions[0].errorCode
  }
  expect(await commit({ generationId: 9 })).toBe(codes.ILLEGAL_GENERATION)
  expect(await commit({ memberId: 'nobody' })).toBe(codes.FENCED_INSTANCE_ID)
  expect(await commit({ memberId: 'nobody', groupInstanceId: null })).toBe(codes.UNKNOWN_MEMBER_ID)
  expect(await commit({ groupInstanceId: 'host-9' })).toBe(codes.UNKNOWN_MEMBER_ID)
  expect(await commit({})).toBe(codes.NONE)
})
