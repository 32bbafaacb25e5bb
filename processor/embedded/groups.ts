import type { Buffer } from 'node:buffer'
import type { World } from '../ports.ts'
import { codes } from './codes.ts'
import { Group } from './group.ts'
import {
  failedJoin,
  failedSync,
  noAssignment,
  sameProtocols,
  type GroupMemberState,
  type JoinAnswer,
  type JoinRequest,
  type SyncAnswer,
} from './group-member.ts'
import type { Timers } from './timers.ts'

export interface GroupOptions {
  /** How long the first rebalance of a group waits for more members (`group.initial.rebalance.delay.ms`). */
  readonly initialRebalanceDelayMs: number
  readonly minSessionTimeoutMs: number
  readonly maxSessionTimeoutMs: number
}

interface SyncRequest {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}

interface HeartbeatRequest {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
}

interface LeaveRequest {
  readonly groupId: string
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null }[]
}

/** The coordinator of classic groups: JoinGroup, SyncGroup, Heartbeat, LeaveGroup, DescribeGroups. */
export class Groups {
  readonly #world: World
  readonly #timers: Timers
  readonly #options: GroupOptions
  readonly #groups = new Map<string, Group>()

  constructor(world: World, timers: Timers, options: GroupOptions) {
    this.#world = world
    this.#timers = timers
    this.#options = options
  }

  get(groupId: string): Group | undefined {
    return this.#groups.get(groupId)
  }

  all(): Iterable<Group> {
    return this.#groups.values()
  }

  /** The group, made when it is not there: by a first JoinGroup, or by a commit of offsets without a membership. */
  obtain(groupId: string): Group {
    let group = this.#groups.get(groupId)
    if (group === undefined) {
      group = new Group(groupId, this.#world, this.#timers, this.#options.initialRebalanceDelayMs)
      this.#groups.set(groupId, group)
    }
    return group
  }

  /** Answers when the rebalance is complete. */
  join(request: JoinRequest, clientId: string): Promise<JoinAnswer> | JoinAnswer {
    const { groupId, memberId, sessionTimeoutMs } = request
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#options
    if (groupId === '') return failedJoin(codes.INVALID_GROUP_ID, memberId)
    if (sessionTimeoutMs < minSessionTimeoutMs || sessionTimeoutMs > maxSessionTimeoutMs) {
      return failedJoin(codes.INVALID_SESSION_TIMEOUT, memberId)
    }
    const known = this.#groups.get(groupId)
    if (known === undefined && memberId !== '') return failedJoin(codes.UNKNOWN_MEMBER_ID, memberId)
    const group = known ?? this.obtain(groupId)
    if (!group.supports(request)) return failedJoin(codes.INCONSISTENT_GROUP_PROTOCOL, memberId)
    if (memberId === '') return this.#joinNew(group, request, clientId)
    if (group.pending.has(memberId)) return this.#add(group, request, memberId, clientId)
    const error = group.checkMember(memberId, request.groupInstanceId)
    const member = group.members.get(memberId)
    if (error !== codes.NONE || member === undefined) return failedJoin(error || codes.UNKNOWN_MEMBER_ID, memberId)
    return this.#joinAgain(group, member, request)
  }

  #joinNew(group: Group, request: JoinRequest, clientId: string): Promise<JoinAnswer> | JoinAnswer {
    const instanceId = request.groupInstanceId
    const memberId = group.newMemberId(instanceId ?? clientId)
    if (instanceId === null) {
      // KIP-394: a member first learns its id, so that a client that gave up leaves nobody behind.
      group.addPending(memberId, request.sessionTimeoutMs)
      return failedJoin(codes.MEMBER_ID_REQUIRED, memberId)
    }
    const older = group.members.get(group.staticMember(instanceId) ?? '')
    if (older === undefined) return this.#add(group, request, memberId, clientId)
    return this.#replace(group, older, request, memberId)
  }

  #add(group: Group, request: JoinRequest, memberId: string, clientId: string): Promise<JoinAnswer> {
    return new Promise(resolve => group.addMember(request, memberId, clientId, resolve))
  }

  /** A static member is back: in a stable group it takes its old place, and nothing is assigned anew. */
  #replace(group: Group, member: GroupMemberState, request: JoinRequest, memberId: string): Promise<JoinAnswer> {
    return new Promise(resolve => {
      group.replaceStatic(member, memberId)
      group.update(member, request, resolve)
      if (group.state === 'Stable' && request.protocols.some(({ name }) => name === group.protocolName)) {
        resolve(group.joined(member, group.leader === memberId))
        member.join = null
      } else if (group.state === 'PreparingRebalance') group.completeIfAllJoined()
      else group.rebalance()
    })
  }

  #joinAgain(group: Group, member: GroupMemberState, request: JoinRequest): Promise<JoinAnswer> | JoinAnswer {
    const same = sameProtocols(member.protocols, request.protocols)
    if (group.state === 'Empty') return failedJoin(codes.UNKNOWN_MEMBER_ID, member.memberId)
    if (group.state === 'CompletingRebalance' && same) return group.joined(member)
    // The leader may have seen what its metadata do not show, such as a topic with more partitions.
    if (group.state === 'Stable' && same && group.leader !== member.memberId) return group.joined(member)
    return new Promise(resolve => {
      group.update(member, request, resolve)
      group.rebalance()
    })
  }

  sync(request: SyncRequest): Promise<SyncAnswer> | SyncAnswer {
    const { groupId, memberId, generationId, protocolType, protocolName } = request
    const group = this.#groups.get(groupId)
    const member = group?.members.get(memberId)
    const error = group?.checkMember(memberId, request.groupInstanceId) ?? codes.UNKNOWN_MEMBER_ID
    if (error !== codes.NONE || group === undefined || member === undefined) return failedSync(error)
    if (generationId !== group.generation) return failedSync(codes.ILLEGAL_GENERATION)
    if (differs(protocolType, group.protocolType) || differs(protocolName, group.protocolName)) {
      return failedSync(codes.INCONSISTENT_GROUP_PROTOCOL)
    }
    if (group.state === 'PreparingRebalance') return failedSync(codes.REBALANCE_IN_PROGRESS)
    if (group.state !== 'CompletingRebalance') {
      group.sawSync(member)
      return group.synced(member)
    }
    return new Promise(resolve => {
      group.awaitSync(member, resolve)
      if (group.leader !== memberId) return
      group.assign(new Map(request.assignments.map(each => [each.memberId, each.assignment])))
    })
  }

  /** An error code. */
  heartbeat(request: HeartbeatRequest): number {
    const group = this.#groups.get(request.groupId)
    const member = group?.members.get(request.memberId)
    const error = group?.checkMember(request.memberId, request.groupInstanceId) ?? codes.UNKNOWN_MEMBER_ID
    if (error !== codes.NONE || group === undefined || member === undefined) return error
    if (request.generationId !== group.generation) return codes.ILLEGAL_GENERATION
    group.keepAlive(member)
    return group.state === 'PreparingRebalance' ? codes.REBALANCE_IN_PROGRESS : codes.NONE
  }

  leave(request: LeaveRequest): object {
    const group = this.#groups.get(request.groupId)
    if (group === undefined) return { throttleTimeMs: 0, errorCode: codes.UNKNOWN_MEMBER_ID, members: [] }
    const members = request.members.map(({ memberId, groupInstanceId }) => {
      const errorCode = this.#leave(group, memberId, groupInstanceId)
      return { memberId, groupInstanceId, errorCode }
    })
    if (members.some(({ errorCode }) => errorCode === codes.NONE)) group.rebalanceWithout()
    return { throttleTimeMs: 0, errorCode: codes.NONE, members }
  }

  #leave(group: Group, memberId: string, instanceId: string | null): number {
    if (group.pending.has(memberId)) {
      group.removePending(memberId)
      return codes.NONE
    }
    // By its instance id alone: an operator removes a static member that will not come back.
    const byInstance = memberId === '' && instanceId !== null
    const id = byInstance ? (group.staticMember(instanceId) ?? '') : memberId
    const error = group.checkMember(id, byInstance ? null : instanceId)
    const member = group.members.get(id)
    if (error !== codes.NONE || member === undefined) return error
    group.remove(member)
    return codes.NONE
  }

  describe(groupId: string): object {
    const group = this.#groups.get(groupId)
    const rest = { errorCode: codes.NONE, groupId, authorizedOperations: -2147483648 }
    if (group === undefined) return { ...rest, groupState: 'Dead', protocolType: '', protocolData: '', members: [] }
    const stable = group.state === 'Stable'
    const members = [...group.members.values()].map(member => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: '/embedded',
      memberMetadata:
        (stable && member.protocols.find(({ name }) => name === group.protocolName)?.metadata) || noAssignment,
      memberAssignment: stable ? member.assignment : noAssignment,
    }))
    const protocolData = (stable && group.protocolName) || ''
    return { ...rest, groupState: group.state, protocolType: group.protocolType ?? '', protocolData, members }
  }
}

const differs = (given: string | null | undefined, actual: string | null): boolean =>
  given !== null && given !== undefined && given !== actual
