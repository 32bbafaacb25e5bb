import { Buffer } from 'node:buffer'
import type { Timer } from './timers.ts'

export interface GroupProtocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface JoinRequest {
  readonly groupId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly protocolType: string
  readonly protocols: readonly GroupProtocol[]
}

export interface JoinAnswer {
  readonly throttleTimeMs: 0
  readonly errorCode: number
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  readonly skipAssignment: boolean
  readonly memberId: string
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly metadata: Buffer
  }[]
}

export interface SyncAnswer {
  readonly throttleTimeMs: 0
  readonly errorCode: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Buffer
}

/** One member of a classic group, and the requests of it that wait for an answer. */
export interface GroupMemberState {
  memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: readonly GroupProtocol[]
  assignment: Buffer
  /** It has not been part of a generation yet: its session runs although its JoinGroup waits. */
  isNew: boolean
  join: ((answer: JoinAnswer) => void) | null
  sync: ((answer: SyncAnswer) => void) | null
  session: Timer
}

export const sameProtocols = (left: readonly GroupProtocol[], right: readonly GroupProtocol[]): boolean =>
  left.length === right.length &&
  left.every((protocol, index) => {
    const other = right[index]
    return other !== undefined && protocol.name === other.name && protocol.metadata.equals(other.metadata)
  })

/** The protocol most members like best, of those that all of them know; null when there is none. */
export function chooseProtocol(members: readonly GroupMemberState[]): string | null {
  const votes = new Map<string, number>()
  for (const member of members) {
    const choice = member.protocols.find(({ name }) => knownToAll(members, name))
    if (choice !== undefined) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1)
  }
  let best: string | null = null
  for (const [name, count] of votes) if (best === null || count > (votes.get(best) ?? 0)) best = name
  return best
}

export const knownToAll = (members: readonly GroupMemberState[], name: string): boolean =>
  members.every(({ protocols }) => protocols.some(protocol => protocol.name === name))

export const noAssignment = Buffer.alloc(0)

export const failedJoin = (errorCode: number, memberId: string): JoinAnswer => ({
  throttleTimeMs: 0,
  errorCode,
  generationId: -1,
  protocolType: null,
  protocolName: null,
  leader: '',
  skipAssignment: false,
  memberId,
  members: [],
})

export const failedSync = (errorCode: number): SyncAnswer => ({
  throttleTimeMs: 0,
  errorCode,
  protocolType: null,
  protocolName: null,
  assignment: noAssignment,
})
