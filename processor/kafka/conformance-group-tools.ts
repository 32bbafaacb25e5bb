import { Buffer } from 'node:buffer'
import { onTestFinished } from 'vitest'
import type { GroupHandlers, GroupMember, GroupMemberInfo, GroupOptions, Kafka, TopicPartition } from '../ports.ts'

const numbers = (partitions: readonly TopicPartition[]): string => partitions.map(({ partition }) => partition).join()

/** What happened to a member, in order. */
export class Diary implements GroupHandlers {
  readonly topic: string
  readonly events: string[] = []
  readonly name: string
  /** Null before the first assignment and after a loss. */
  assigned: readonly number[] | null = null
  userData: string | null = null
  assigns = 0
  /** JoinGroups that were answered, and the one under way. */
  joins = 0
  readonly generations: number[] = []
  failure: unknown = null
  seen: readonly GroupMemberInfo[] = []
  /** Awaited while partitions are given up. */
  revoking: () => Promise<void> = () => Promise.resolve()

  constructor(name: string, topic: string) {
    this.name = name
    this.topic = topic
  }

  subscription(): { topics: readonly string[]; userData: Buffer | null } {
    this.joins++
    return { topics: [this.topic], userData: Buffer.from(`host of ${this.name}`) }
  }

  /** Partition p goes to member p modulo their number, once nobody else has it any more. */
  assign(members: readonly GroupMemberInfo[], generation: number): ReturnType<GroupHandlers['assign']> {
    this.assigns++
    this.seen = members
    this.generations.push(generation)
    const ids = members.map(({ memberId }) => memberId).toSorted()
    const isFree = (partition: number, memberId: string): boolean =>
      !members.some(({ memberId: id, owned }) => id !== memberId && owned.some(at => at.partition === partition))
    return new Map(
      ids.map((memberId, index) => {
        const mine = [0, 1, 2, 3, 4, 5].filter(partition => partition % ids.length === index)
        const partitions = mine
          .filter(partition => isFree(partition, memberId))
          .map(partition => ({ topic: this.topic, partition }))
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
    const gone = new Set(partitions.map(({ partition }) => partition))
    this.assigned = this.assigned!.filter(partition => !gone.has(partition))
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

/** Heartbeats come often, so that tests need not wait for them. */
export const groupOptions = (groupId: string, instanceId: string | null = null): GroupOptions => ({
  groupId,
  instanceId,
  sessionTimeoutMs: 6000,
  rebalanceTimeoutMs: 10_000,
  heartbeatIntervalMs: 50,
})

export async function join(
  kafka: Kafka,
  diary: Diary,
  groupId: string,
  instanceId: string | null = null,
): Promise<GroupMember> {
  const member = await kafka.join(groupOptions(groupId, instanceId), diary)
  // A static member that is closed with its client stays in the group until its session ends; nobody else uses the
  // group.
  if (instanceId === null) onTestFinished(() => member.leave())
  return member
}
