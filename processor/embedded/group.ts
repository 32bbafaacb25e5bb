import type { Buffer } from 'node:buffer'
import type { World } from '../ports.ts'
import { codes } from './codes.ts'
import {
  chooseProtocol,
  failedJoin,
  failedSync,
  knownToAll,
  noAssignment,
  type GroupMemberState,
  type JoinAnswer,
  type JoinRequest,
  type SyncAnswer,
} from './group-member.ts'
import { GroupOffsets } from './offsets.ts'
import type { Timer, Timers } from './timers.ts'

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

/** A classic group, and how it goes from one generation to the next. Requests come through `groups.ts`. */
export class Group {
  readonly id: string
  readonly offsets = new GroupOffsets()
  readonly members = new Map<string, GroupMemberState>()
  /** Member ids that were given out and not joined with yet, with the sessions that end them. */
  readonly pending = new Map<string, Timer>()
  readonly #staticMembers = new Map<string, string>()
  readonly #pendingSync = new Set<string>()
  readonly #world: World
  readonly #timers: Timers
  readonly #initialDelayMs: number
  readonly #joinTimer: Timer
  readonly #syncTimer: Timer
  state: GroupState = 'Empty'
  generation = 0
  protocolType: string | null = null
  protocolName: string | null = null
  leader: string | null = null
  #initial = false

  constructor(id: string, world: World, timers: Timers, initialDelayMs: number) {
    this.id = id
    this.#world = world
    this.#timers = timers
    this.#initialDelayMs = initialDelayMs
    this.#joinTimer = timers.timer(() => this.#completeJoin())
    this.#syncTimer = timers.timer(() => this.#expireSync())
  }

  staticMember(instanceId: string): string | undefined {
    return this.#staticMembers.get(instanceId)
  }

  supports(request: JoinRequest): boolean {
    if (this.members.size === 0) return request.protocolType !== '' && request.protocols.length > 0
    const members = [...this.members.values()]
    return request.protocolType === this.protocolType && request.protocols.some(({ name }) => knownToAll(members, name))
  }

  /** UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID, or NONE. */
  checkMember(memberId: string, instanceId: string | null): number {
    if (instanceId !== null) {
      const current = this.#staticMembers.get(instanceId)
      if (current === undefined) return codes.UNKNOWN_MEMBER_ID
      if (current !== memberId) return codes.FENCED_INSTANCE_ID
    }
    return this.members.has(memberId) ? codes.NONE : codes.UNKNOWN_MEMBER_ID
  }

  newMemberId(prefix: string): string {
    const words = Array.from({ length: 4 }, () => Math.floor(this.#world.random.next() * 0x1_0000_0000))
    return `${prefix}-${words.map(word => word.toString(16).padStart(8, '0')).join('')}`
  }

  addPending(memberId: string, sessionTimeoutMs: number): void {
    const session = this.#timers.timer(() => this.removePending(memberId))
    this.pending.set(memberId, session)
    session.set(sessionTimeoutMs)
  }

  removePending(memberId: string): void {
    this.pending.get(memberId)?.stop()
    this.pending.delete(memberId)
    this.completeIfAllJoined()
  }

  addMember(request: JoinRequest, memberId: string, clientId: string, join: (answer: JoinAnswer) => void): void {
    this.pending.get(memberId)?.stop()
    this.pending.delete(memberId)
    const member: GroupMemberState = {
      memberId,
      instanceId: request.groupInstanceId,
      clientId,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      protocols: request.protocols,
      assignment: noAssignment,
      isNew: true,
      join,
      sync: null,
      session: this.#timers.timer(() => this.#expireSession(member)),
    }
    if (this.members.size === 0) this.protocolType = request.protocolType
    this.members.set(memberId, member)
    if (member.instanceId !== null) this.#staticMembers.set(member.instanceId, memberId)
    this.leader ??= memberId
    // A new member cannot send heartbeats while its JoinGroup waits; Kafka gives it five minutes.
    member.session.set(300_000)
    this.rebalance()
  }

  /** A static member came back under a new member id (KIP-345): the requests of its older self are fenced. */
  replaceStatic(member: GroupMemberState, memberId: string): void {
    member.join?.(failedJoin(codes.FENCED_INSTANCE_ID, member.memberId))
    member.sync?.(failedSync(codes.FENCED_INSTANCE_ID))
    member.join = member.sync = null
    this.members.delete(member.memberId)
    if (this.leader === member.memberId) this.leader = memberId
    this.#pendingSync.delete(member.memberId)
    member.memberId = memberId
    this.members.set(memberId, member)
    if (member.instanceId !== null) this.#staticMembers.set(member.instanceId, memberId)
    this.keepAlive(member)
  }

  update(member: GroupMemberState, request: JoinRequest, join: (answer: JoinAnswer) => void): void {
    member.join?.(failedJoin(codes.REBALANCE_IN_PROGRESS, member.memberId))
    member.protocols = request.protocols
    member.sessionTimeoutMs = request.sessionTimeoutMs
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    member.join = join
  }

  /** Takes a member out without a rebalance; the caller goes on with one. */
  remove(member: GroupMemberState): void {
    member.join?.(failedJoin(codes.UNKNOWN_MEMBER_ID, ''))
    member.sync?.(failedSync(codes.UNKNOWN_MEMBER_ID))
    member.join = member.sync = null
    member.session.stop()
    this.members.delete(member.memberId)
    this.#pendingSync.delete(member.memberId)
    if (member.instanceId !== null) this.#staticMembers.delete(member.instanceId)
    if (this.leader === member.memberId) this.leader = this.members.keys().next().value ?? null
  }

  keepAlive(member: GroupMemberState): void {
    member.session.set(member.sessionTimeoutMs)
  }

  /** Starts a rebalance, or looks whether the one under way is complete. */
  rebalance(): void {
    if (this.state === 'PreparingRebalance') {
      this.completeIfAllJoined()
      return
    }
    if (this.state === 'CompletingRebalance') this.#failSyncs(codes.REBALANCE_IN_PROGRESS)
    this.#pendingSync.clear()
    this.#syncTimer.cancel()
    this.#initial = this.state === 'Empty'
    this.state = 'PreparingRebalance'
    if (this.#initial) this.#joinTimer.set(this.#initialDelayMs)
    else if (this.#allJoined()) this.#completeJoin()
    else this.#joinTimer.set(this.#rebalanceTimeoutMs())
  }

  /** But the first rebalance of a group waits its whole delay for more members. */
  completeIfAllJoined(): void {
    if (this.state === 'PreparingRebalance' && !this.#initial && this.#allJoined()) this.#completeJoin()
  }

  /** The leader's SyncGroup: everybody gets an assignment, the empty one where it names none. */
  assign(assignments: ReadonlyMap<string, Buffer>): void {
    this.state = 'Stable'
    for (const member of this.members.values()) {
      member.assignment = assignments.get(member.memberId) ?? noAssignment
      if (member.sync === null) continue
      member.sync(this.synced(member))
      member.sync = null
      this.keepAlive(member)
    }
  }

  awaitSync(member: GroupMemberState, sync: (answer: SyncAnswer) => void): void {
    member.sync?.(failedSync(codes.REBALANCE_IN_PROGRESS))
    member.sync = sync
    this.sawSync(member)
  }

  sawSync(member: GroupMemberState): void {
    this.#pendingSync.delete(member.memberId)
    if (this.#pendingSync.size === 0) this.#syncTimer.cancel()
  }

  synced(member: GroupMemberState): SyncAnswer {
    const { protocolType, protocolName } = this
    return { throttleTimeMs: 0, errorCode: codes.NONE, protocolType, protocolName, assignment: member.assignment }
  }

  joined(member: GroupMemberState, skipAssignment = false): JoinAnswer {
    const isLeader = this.leader === member.memberId
    return {
      throttleTimeMs: 0,
      errorCode: codes.NONE,
      generationId: this.generation,
      protocolType: this.protocolType,
      protocolName: this.protocolName,
      leader: this.leader ?? '',
      skipAssignment,
      memberId: member.memberId,
      members: isLeader ? [...this.members.values()].map(each => this.#described(each)) : [],
    }
  }

  #described({ memberId, instanceId, protocols }: GroupMemberState): JoinAnswer['members'][number] {
    const protocol = protocols.find(({ name }) => name === this.protocolName)
    return { memberId, groupInstanceId: instanceId, metadata: protocol?.metadata ?? noAssignment }
  }

  #allJoined(): boolean {
    if (this.pending.size > 0) return false
    for (const { join } of this.members.values()) if (join === null) return false
    return true
  }

  #rebalanceTimeoutMs(): number {
    let longest = 0
    for (const { rebalanceTimeoutMs } of this.members.values()) longest = Math.max(longest, rebalanceTimeoutMs)
    return longest
  }

  #completeJoin(): void {
    if (this.state !== 'PreparingRebalance') return
    this.#joinTimer.cancel()
    // Static members may be on their way back; their session ends them, not the rebalance.
    for (const member of this.members.values()) {
      if (member.join === null && member.instanceId === null) this.remove(member)
    }
    if (this.members.size > 0 && !this.#electLeader()) {
      this.#joinTimer.set(this.#rebalanceTimeoutMs())
      return
    }
    this.#initial = false
    this.generation++
    this.protocolName = chooseProtocol([...this.members.values()])
    this.state = this.members.size === 0 ? 'Empty' : 'CompletingRebalance'
    if (this.members.size === 0) return
    this.#syncTimer.set(this.#rebalanceTimeoutMs())
    for (const member of this.members.values()) {
      member.join?.(this.joined(member))
      member.join = null
      member.isNew = false
      this.keepAlive(member)
      this.#pendingSync.add(member.memberId)
    }
  }

  /** The leader is one of those that joined; false when nobody did. */
  #electLeader(): boolean {
    const leader = this.members.get(this.leader ?? '')
    if (leader !== undefined && leader.join !== null) return true
    const next = [...this.members.values()].find(({ join }) => join !== null)
    if (next === undefined) return false
    this.leader = next.memberId
    return true
  }

  #expireSession(member: GroupMemberState): void {
    // A member whose request waits here is alive, but for a new one, whose client may be gone.
    if (!member.isNew && (member.join !== null || member.sync !== null)) return
    this.#world.log.info({ group: this.id, member: member.memberId }, 'member left the group: its session ended')
    this.remove(member)
    this.rebalanceWithout()
  }

  /** After a member was removed. */
  rebalanceWithout(): void {
    if (this.state === 'Stable' || this.state === 'CompletingRebalance') this.rebalance()
    else this.completeIfAllJoined()
  }

  #expireSync(): void {
    if (this.state === 'PreparingRebalance' || this.#pendingSync.size === 0) return
    for (const memberId of this.#pendingSync) {
      const member = this.members.get(memberId)
      if (member !== undefined) this.remove(member)
    }
    this.rebalance()
  }

  #failSyncs(errorCode: number): void {
    for (const member of this.members.values()) {
      member.assignment = noAssignment
      if (member.sync === null) continue
      member.sync(failedSync(errorCode))
      member.sync = null
      this.keepAlive(member)
    }
  }
}
