import type {
  GroupHandlers,
  GroupMember,
  GroupMetadata,
  GroupOptions,
  PartitionOffset,
  TopicPartition,
} from '../../ports.ts'
import { AppError } from '../../errors.ts'
import type { Cluster } from './cluster.ts'
import { check, errorOf, isRetriable, messageOf, nameOf } from './failure.ts'
import { GroupRequests, type MemberAssignment } from './group-requests.ts'
import { code, type OffsetCommitAnswer } from './messages.ts'
import { offsetTopics, verifyOffsets } from './transactions.ts'

/** Why a generation ended for this member. */
type Ending = { readonly kind: 'rebalance' | 'left' } | { readonly kind: 'lost'; readonly error: unknown }

/** How long `leave` tries to tell the group. It is a courtesy: a member that is gone is noticed anyway. */
const leaveTimeoutMs = 5_000

/** Errors that end a membership, but that joining anew mends. */
const rejoinErrors: ReadonlySet<string | null> = new Set([
  'REBALANCE_IN_PROGRESS',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
])

const worthRejoining = (error: unknown): boolean => isRetriable(error) || rejoinErrors.has(nameOf(error))

/**
 * A member of a classic group: joins, beats, gives up its partitions when others come or go, joins again. Handlers are
 * called one after the other, never two at once, and heartbeats go on while they run.
 */
export class NativeGroupMember implements GroupMember {
  readonly #cluster: Cluster
  readonly #options: GroupOptions
  readonly #handlers: GroupHandlers
  readonly #requests: GroupRequests
  readonly #leaving = new AbortController()
  readonly #signal: AbortSignal
  /** Known to the coordinator, or empty to become a new member. */
  #memberId = ''
  /** Of the last generation that was entered. Kept when it is lost: what it names is then refused, as it should be. */
  #metadata: GroupMetadata | null = null
  /** What it had last, for an assignor that leaves partitions where they were; empty after a loss. */
  #last: readonly TopicPartition[] = []

  /** `purpose` names its connections. */
  constructor(cluster: Cluster, options: GroupOptions, handlers: GroupHandlers, purpose: string) {
    this.#cluster = cluster
    this.#options = options
    this.#handlers = handlers
    this.#requests = new GroupRequests(cluster, options, purpose)
    this.#signal = AbortSignal.any([cluster.signal, this.#leaving.signal])
  }

  start(): void {
    void this.#run()
  }

  metadata(): GroupMetadata {
    if (this.#metadata !== null) return this.#metadata
    const { groupId } = this.#options
    // An empty member id would pass for a reader outside of the group, whom the broker does not check.
    throw new AppError('ASSERTION', `The membership in group ${groupId} is used before partitions were assigned.`)
  }

  async commit(offsets: readonly PartitionOffset[]): Promise<void> {
    if (offsets.length === 0) return
    const group = this.metadata()
    const { groupId, memberId, generation, instanceId: groupInstanceId } = group
    const body = {
      groupId,
      generationIdOrMemberEpoch: generation,
      memberId,
      groupInstanceId,
      topics: offsetTopics(offsets),
    }
    const target = { kind: 'group', key: groupId } as const
    const call = { api: 'OffsetCommit', version: 8, body }
    await this.#cluster.retry(`Committing offsets of group ${groupId}`, {}, () =>
      this.#cluster.atCoordinator<OffsetCommitAnswer>(target, call, answer => {
        verifyOffsets('OffsetCommit', offsets, answer, group)
      }),
    )
  }

  /** Leaves for good, also a static membership (closing the client keeps that). No handler is called for it. */
  async leave(): Promise<void> {
    if (this.#leaving.signal.aborted) return
    this.#leaving.abort()
    this.#requests.stopWaiting()
    if (this.#memberId === '' && this.#options.instanceId === null) return
    try {
      const what = `Leaving group ${this.#options.groupId}`
      await this.#cluster.retry(what, { deadlineMs: leaveTimeoutMs }, () => this.#requests.leave(this.#memberId))
    } catch (error) {
      if (nameOf(error) === 'UNKNOWN_MEMBER_ID') return
      const { groupId } = this.#options
      this.#cluster.world.log.warn(
        { groupId },
        `Group ${groupId} was not told of a member that left: ${messageOf(error)}`,
      )
    }
  }

  async #run(): Promise<void> {
    try {
      while (!this.#signal.aborted) await this.#live(await this.#enter())
    } catch (error) {
      if (!this.#signal.aborted) this.#handlers.onFailed(error)
    }
  }

  /** From one assignment to its end. */
  async #live(assignment: MemberAssignment): Promise<void> {
    const { partitions, userData, generation } = assignment
    this.#last = partitions
    const beating = new AbortController()
    const ending = Promise.withResolvers<Ending>()
    const left = (): void => ending.resolve({ kind: 'left' })
    this.#signal.addEventListener('abort', left)
    const heart = this.#beat(generation, AbortSignal.any([this.#signal, beating.signal]), ending.resolve)
    try {
      await this.#handlers.onAssigned(partitions, userData)
      const end = await ending.promise
      if (end.kind === 'rebalance') await this.#handlers.onRevoked(partitions)
      if (end.kind !== 'lost') return
      this.#last = []
      await this.#handlers.onLost(partitions)
      if (!worthRejoining(end.error)) throw end.error
    } finally {
      beating.abort()
      this.#signal.removeEventListener('abort', left)
      await heart
    }
  }

  async #beat(generation: number, signal: AbortSignal, end: (ending: Ending) => void): Promise<void> {
    const { scheduler } = this.#cluster.world
    for (;;) {
      await scheduler.sleep(this.#options.heartbeatIntervalMs, signal)
      if (signal.aborted) return
      try {
        const errorCode = await this.#requests.heartbeat(this.#memberId, generation)
        // Beating goes on while partitions are given up, or the group would not wait for that.
        if (errorCode === code.rebalanceInProgress) end({ kind: 'rebalance' })
        else check('Heartbeat', errorCode)
      } catch (error) {
        if (isRetriable(error)) {
          this.#cluster.forgetCoordinator('group', this.#options.groupId)
          continue
        }
        if (signal.aborted) return
        if (nameOf(error) === 'UNKNOWN_MEMBER_ID') this.#memberId = ''
        end({ kind: 'lost', error })
        return
      }
    }
  }

  /** Joins until there is an assignment. */
  #enter(): Promise<MemberAssignment> {
    const what = `Joining group ${this.#options.groupId}`
    const options = { deadlineMs: Infinity, signal: this.#signal, retriable: worthRejoining }
    return this.#cluster.retry(what, options, () => this.#join())
  }

  async #join(): Promise<MemberAssignment> {
    try {
      let joined = await this.#requests.join(this.#memberId, this.#handlers, this.#last)
      if (joined.errorCode === code.memberIdRequired) {
        // The coordinator wants to know whom it answers before it keeps a place (KIP-394).
        this.#memberId = joined.memberId
        joined = await this.#requests.join(this.#memberId, this.#handlers, this.#last)
      }
      check('JoinGroup', joined.errorCode, `Group ${this.#options.groupId}.`)
      this.#memberId = joined.memberId
      const assignment = await this.#requests.sync(joined, this.#handlers)
      if (this.#signal.aborted) throw errorOf('SyncGroup', code.rebalanceInProgress)
      const { groupId, instanceId } = this.#options
      this.#metadata = { groupId, memberId: this.#memberId, generation: assignment.generation, instanceId }
      return assignment
    } catch (error) {
      if (nameOf(error) === 'UNKNOWN_MEMBER_ID') this.#memberId = ''
      throw error
    }
  }
}
