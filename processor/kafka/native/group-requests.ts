import { Buffer } from 'node:buffer'
import type { GroupHandlers, GroupMemberInfo, GroupOptions, TopicPartition } from '../../ports.ts'
import { byTopic } from './by-topic.ts'
import type { Cluster } from './cluster.ts'
import { check, isRetriable } from './failure.ts'
import { code, type HeartbeatAnswer, type JoinGroupAnswer, type SyncGroupAnswer } from './messages.ts'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './protocol/payloads.ts'
import type { Subscription, TopicPartitions } from './protocol/payloads.ts'

/**
 * All members of a group must name a protocol that all have: Java consumers stay out, and so would versions of ours
 * that move partitions in another way.
 */
const protocolName = 'millrace-cooperative'
const protocolType = 'consumer'

/** What a member got in one generation. */
export interface MemberAssignment {
  readonly generation: number
  readonly partitions: readonly TopicPartition[]
  readonly userData: Buffer | null
}

/**
 * The requests of one member. JoinGroup and SyncGroup wait at the broker, so heartbeats have a connection of their
 * own.
 */
export class GroupRequests {
  readonly #cluster: Cluster
  readonly #options: GroupOptions
  readonly #purpose: string
  #broker: number | null = null

  constructor(cluster: Cluster, options: GroupOptions, purpose: string) {
    this.#cluster = cluster
    this.#options = options
    this.#purpose = purpose
  }

  /** `metadata`: an encoded subscription. */
  join(memberId: string, metadata: Buffer, reason: string): Promise<JoinGroupAnswer> {
    const { groupId, instanceId, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    return this.#wait<JoinGroupAnswer>('JoinGroup', 9, {
      groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId,
      groupInstanceId: instanceId,
      protocolType,
      protocols: [{ name: protocolName, metadata }],
      reason,
    })
  }

  /** The leader sends what all members get; everybody receives its own part. */
  async sync(joined: JoinGroupAnswer, handlers: GroupHandlers): Promise<MemberAssignment> {
    const { groupId, instanceId } = this.#options
    // A leader that came back to its old generation must leave the assignment as it is (KIP-814).
    const assigns = joined.leader === joined.memberId && !joined.skipAssignment
    const answer = await this.#wait<SyncGroupAnswer>('SyncGroup', 5, {
      groupId,
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupInstanceId: instanceId,
      protocolType,
      protocolName,
      assignments: assigns ? assignments(joined, handlers) : [],
    })
    check('SyncGroup', answer.errorCode)
    const { assignedPartitions, userData } = decodeAssignment(answer.assignment)
    return { generation: joined.generationId, partitions: unpacked(assignedPartitions), userData: copied(userData) }
  }

  async heartbeat(memberId: string, generation: number): Promise<number> {
    const { groupId, instanceId, sessionTimeoutMs } = this.#options
    const timeoutMs = Math.min(sessionTimeoutMs, this.#cluster.requestTimeoutMs)
    const body = { groupId, generationId: generation, memberId, groupInstanceId: instanceId }
    const answer = await this.#request<HeartbeatAnswer>('Heartbeat', 4, body, 'heartbeat', timeoutMs)
    return answer.errorCode
  }

  async leave(memberId: string): Promise<void> {
    const { groupId, instanceId } = this.#options
    const body = { groupId, members: [{ memberId, groupInstanceId: instanceId, reason: 'The member is closed.' }] }
    const timeoutMs = this.#cluster.requestTimeoutMs
    const answer = await this.#request<HeartbeatAnswer>('LeaveGroup', 5, body, 'leave', timeoutMs)
    this.forgetIfMoved(answer.errorCode)
    check('LeaveGroup', answer.errorCode)
  }

  /** Gives up a JoinGroup or SyncGroup that waits at the broker. */
  stopWaiting(): void {
    if (this.#broker !== null) this.#cluster.dropChannel(this.#broker, `${this.#purpose} join`)
  }

  forgetIfMoved(errorCode: number): void {
    if (errorCode === code.notCoordinator || errorCode === code.coordinatorNotAvailable) this.#forget()
  }

  async #wait<Answer extends { readonly errorCode: number }>(
    api: string,
    version: number,
    body: object,
  ): Promise<Answer> {
    const timeoutMs = this.#options.rebalanceTimeoutMs + this.#cluster.requestTimeoutMs
    const answer = await this.#request<Answer>(api, version, body, 'join', timeoutMs)
    this.forgetIfMoved(answer.errorCode)
    return answer
  }

  async #request<Answer>(
    api: string,
    version: number,
    body: object,
    connection: string,
    timeoutMs: number,
  ): Promise<Answer> {
    try {
      this.#broker = await this.#cluster.coordinator('group', this.#options.groupId)
      const channel = await this.#cluster.channel(this.#broker, `${this.#purpose} ${connection}`, timeoutMs)
      return await channel.request<Answer>(api, version, body)
    } catch (error) {
      if (isRetriable(error)) this.#forget()
      throw error
    }
  }

  #forget(): void {
    this.#cluster.forgetCoordinator('group', this.#options.groupId)
  }
}

function assignments(joined: JoinGroupAnswer, handlers: GroupHandlers): object[] {
  const members = joined.members.map(({ memberId, groupInstanceId, metadata }) =>
    memberInfo(memberId, groupInstanceId, decodeSubscription(metadata)),
  )
  const parts = handlers.assign(members, joined.generationId)
  return members.map(({ memberId }) => {
    const part = parts.get(memberId) ?? { partitions: [], userData: null }
    const body = { assignedPartitions: packed(part.partitions), userData: part.userData }
    return { memberId, assignment: encodeAssignment(body) }
  })
}

function memberInfo(memberId: string, instanceId: string | null, subscription: Subscription): GroupMemberInfo {
  const { topics, ownedPartitions, generationId: generation, userData } = subscription
  return { memberId, instanceId, topics, owned: unpacked(ownedPartitions), generation, userData: copied(userData) }
}

/** What a member says when it joins: `owned` and `generation` are what lets a leader move partitions in two steps. */
export function subscriptionOf(handlers: GroupHandlers, owned: readonly TopicPartition[], generation: number): Buffer {
  const { topics, userData } = handlers.subscription()
  return encodeSubscription({ topics, userData, ownedPartitions: packed(owned), generationId: generation })
}

/** It outlives the answer that it came in. */
const copied = (bytes: Buffer | null): Buffer | null => (bytes === null ? null : Buffer.from(bytes))

function packed(partitions: readonly TopicPartition[]): TopicPartitions[] {
  return [...byTopic(partitions)].map(([topic, list]) => ({
    topic,
    partitions: list.map(({ partition }) => partition),
  }))
}

function unpacked(topics: readonly TopicPartitions[]): TopicPartition[] {
  return topics.flatMap(({ topic, partitions }) => partitions.map(partition => ({ topic, partition })))
}
