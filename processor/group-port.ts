import type { Buffer } from 'node:buffer'

// Partitions, and the group that shares them out.

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

export interface PartitionOffset extends TopicPartition {
  /** Exact below 2^53. */
  readonly offset: number
}

/** Identifies a member towards the transaction coordinator (KIP-447). */
export interface GroupMetadata {
  readonly groupId: string
  readonly memberId: string
  readonly generation: number
  readonly instanceId: string | null
  /**
   * What to send instead when this generation is refused as an old one: the group may go on to the next while these
   * offsets are on their way, and the member keeps what it has. Waits for a JoinGroup that is under way. Null: the
   * member did not go on, or has given one of the partitions up: others may own them. Absent: there is nothing to go on
   * to.
   */
  readonly renewed?: (offsets: readonly PartitionOffset[]) => Promise<GroupMetadata | null>
}

export interface GroupMemberInfo {
  readonly memberId: string
  readonly instanceId: string | null
  readonly topics: readonly string[]
  /** What it had when it joined and has not given up. */
  readonly owned: readonly TopicPartition[]
  /** The generation that assigned `owned`; -1: it came without any. */
  readonly generation: number
  readonly userData: Buffer | null
}

export interface GroupOptions {
  readonly groupId: string
  /** Makes the member a static one (KIP-345): when it comes back within the session timeout, nothing moves. */
  readonly instanceId: string | null
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
}

/** What a member of a group gets. */
export interface MemberShare {
  readonly partitions: readonly TopicPartition[]
  readonly userData: Buffer | null
}

/**
 * What a group asks of its member, one call after the other. Partitions move in two steps (KIP-429): a member keeps
 * what it has while it joins, gives up what the next generation does not assign to it any more, and joins again; only
 * then is that assigned to others.
 */
export interface GroupHandlers {
  /** Called once for each JoinGroup that is answered. */
  subscription(): { readonly topics: readonly string[]; readonly userData: Buffer | null }
  /** Called on the leader only: what each member gets in `generation`, by member id. */
  assign(members: readonly GroupMemberInfo[], generation: number): ReadonlyMap<string, MemberShare>
  /** All that the member has from now on. What was taken from it has been revoked before. */
  onAssigned(partitions: readonly TopicPartition[], userData: Buffer | null): Promise<void>
  /** Only what moves. Awaited before the group is joined again; heartbeats go on. */
  onRevoked(partitions: readonly TopicPartition[]): Promise<void>
  /**
   * The membership was lost, and all partitions with it: nothing may be committed any more. Awaited before the group is
   * joined again; `isFinal`: it will not be.
   */
  onLost(partitions: readonly TopicPartition[], isFinal: boolean): Promise<void>
  /** The member cannot go on (another has its instance id, authorisation, inconsistent protocol...). */
  onFailed(error: unknown): void
}

export interface GroupMember {
  /** The membership as it is now. What is committed under it was processed under it: see `renewed`. */
  metadata(): GroupMetadata
  /** At-least-once: commits without a transaction, as `group` or what it was renewed to. */
  commit(offsets: readonly PartitionOffset[], group: GroupMetadata): Promise<void>
  /**
   * Asks the coordinator now whether this membership stands, after a request was refused in its name. False: it does
   * not, and `onLost` follows. True also when there is no answer.
   */
  confirm(): Promise<boolean>
  /** Joins again although nothing has to be given up: the subscription says something new. */
  rejoin(reason: string): void
  /** Leaves for good, also a static membership, so that others take over at once. No handler is called for it. */
  leave(): Promise<void>
}
