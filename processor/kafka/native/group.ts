import type { Buffer } from 'node:buffer'
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
import { commitAsMember } from './group-commit.ts'
import { explained, worthRejoining } from './group-errors.ts'
import { GroupRequests, type MemberAssignment, subscriptionOf } from './group-requests.ts'
import { keyOf } from './by-topic.ts'
import { code } from './messages.ts'

/** Why a generation ended for this member. */
type Ending =
  | { readonly kind: 'rebalance'; readonly reason: string }
  | { readonly kind: 'left' }
  | { readonly kind: 'lost'; readonly error: unknown }

/** How long `leave` tries to tell the group. It is a courtesy: a member that is gone is noticed anyway. */
const leaveTimeoutMs = 2_500

/** No generation. */
const none = -1

/**
 * A member of a classic group: joins, beats, gives up partitions that go to others, joins again (KIP-429). It keeps
 * what it has while it joins, and may commit all the time. Handlers are called one after the other, never two at once,
 * and heartbeats go on while they run.
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
  /** One more with each loss: what belongs to an older life does not go on in this one. */
  #life = 0
  /** What it was assigned and has not given up. */
  #owned: readonly TopicPartition[] = []
  /** The generation that assigned it. */
  #ownedSince = none
  /** The generation of the last JoinGroup that was answered. */
  #joined = none
  #reason = ''
  /** What the next JoinGroup says; made once for each that is answered. */
  #subscription: Buffer | null = null
  /** Resolves when the JoinGroup under way is answered, or the membership lost; null in between. */
  #entering: PromiseWithResolvers<void> | null = null
  #end: (ending: Ending) => void = () => undefined

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

  async commit(offsets: readonly PartitionOffset[], group: GroupMetadata): Promise<void> {
    if (offsets.length > 0) await commitAsMember(this.#cluster, offsets, group)
  }

  async confirm(): Promise<boolean> {
    const life = this.#life
    if (this.#entering !== null) await this.#entering.promise
    else if (this.#metadata !== null) {
      const { generation } = this.#metadata
      const error = await this.#heartbeat(generation)
      if (error !== null && this.#metadata.generation === generation) {
        this.#end({ kind: 'lost', error })
        return false
      }
    }
    return this.#life === life
  }

  rejoin(reason: string): void {
    this.#end({ kind: 'rebalance', reason })
  }

  async leave(): Promise<void> {
    if (this.#leaving.signal.aborted) return
    this.#leaving.abort()
    this.#requests.stopWaiting()
    if (this.#memberId === '' && this.#options.instanceId === null) return
    const told = new AbortController()
    try {
      const what = `Leaving group ${this.#options.groupId}`
      const leave = (): Promise<void> => this.#requests.leave(this.#memberId)
      const leaving = this.#cluster.retry(what, { deadlineMs: leaveTimeoutMs }, leave)
      await Promise.race([leaving, this.#cluster.world.scheduler.sleep(leaveTimeoutMs, told.signal)])
    } catch (error) {
      // Put out, or replaced by its successor: others have taken over already.
      if (nameOf(error) === 'UNKNOWN_MEMBER_ID' || nameOf(error) === 'FENCED_INSTANCE_ID') return
      const { groupId } = this.#options
      this.#cluster.world.log.warn(
        { groupId },
        `Group ${groupId} was not told of a member that left: ${messageOf(error)}`,
      )
    } finally {
      told.abort()
    }
  }

  async #run(): Promise<void> {
    try {
      while (!this.#signal.aborted) {
        const assignment = await this.#enter()
        if (assignment !== null) await this.#live(assignment)
      }
    } catch (error) {
      if (!this.#signal.aborted) this.#handlers.onFailed(explained(error, this.#options))
    }
  }

  /** From one assignment to its end. */
  async #live({ partitions, userData, generation }: MemberAssignment): Promise<void> {
    const beating = new AbortController()
    const ending = Promise.withResolvers<Ending>()
    let isLost = false
    this.#end = end => {
      isLost ||= end.kind === 'lost'
      ending.resolve(end)
    }
    const left = (): void => ending.resolve({ kind: 'left' })
    this.#signal.addEventListener('abort', left)
    const heart = this.#beat(generation, AbortSignal.any([this.#signal, beating.signal]))
    try {
      const kept = new Set(partitions.map(({ topic, partition }) => keyOf(topic, partition)))
      const revoked = this.#owned.filter(({ topic, partition }) => !kept.has(keyOf(topic, partition)))
      if (revoked.length > 0) await this.#handlers.onRevoked(revoked)
      if (!isLost && !this.#signal.aborted) {
        this.#owned = partitions
        this.#ownedSince = generation
        await this.#handlers.onAssigned(partitions, userData)
      }
      // Others wait for it.
      if (revoked.length > 0) ending.resolve({ kind: 'rebalance', reason: 'Partitions were given up.' })
      const end = await ending.promise
      if (end.kind === 'rebalance') this.#reason = end.reason
      if (end.kind === 'lost') await this.#lose(end.error)
    } finally {
      this.#end = () => undefined
      beating.abort()
      this.#signal.removeEventListener('abort', left)
      await heart
    }
  }

  /** Everything is given up at once; throws what joining again would not mend. */
  async #lose(error: unknown): Promise<void> {
    const partitions = this.#owned
    const isFinal = !worthRejoining(error)
    if (nameOf(error) === 'UNKNOWN_MEMBER_ID') this.#memberId = ''
    this.#life++
    this.#owned = []
    this.#ownedSince = this.#joined = none
    this.#subscription = null
    this.#reason = messageOf(error)
    this.#entered()
    if (this.#metadata !== null) await this.#handlers.onLost(partitions, isFinal)
    if (isFinal) throw error
  }

  async #beat(generation: number, signal: AbortSignal): Promise<void> {
    const { scheduler } = this.#cluster.world
    for (;;) {
      await scheduler.sleep(this.#options.heartbeatIntervalMs, signal)
      if (signal.aborted) return
      const error = await this.#heartbeat(generation)
      if (error === null || signal.aborted) continue
      this.#end({ kind: 'lost', error })
      return
    }
  }

  /** Why the membership does not stand; null when it does, or nobody answers. */
  async #heartbeat(generation: number): Promise<unknown> {
    try {
      const errorCode = await this.#requests.heartbeat(this.#memberId, generation)
      // Beating goes on while partitions are given up, or the group would not wait for that.
      if (errorCode === code.rebalanceInProgress) this.#end({ kind: 'rebalance', reason: 'The group rebalances.' })
      else check('Heartbeat', errorCode)
      return null
    } catch (error) {
      if (!isRetriable(error)) return error
      this.#cluster.forgetCoordinator('group', this.#options.groupId)
      return null
    }
  }

  /** Joins until there is an assignment; null when the membership was lost on the way. */
  async #enter(): Promise<MemberAssignment | null> {
    this.#entering = Promise.withResolvers()
    try {
      const what = `Joining group ${this.#options.groupId}`
      const options = { deadlineMs: Infinity, signal: this.#signal, retriable: worthRejoining }
      return await this.#cluster.retry(what, options, () => this.#join())
    } finally {
      this.#entered()
    }
  }

  #entered(): void {
    this.#entering?.resolve()
    this.#entering = null
  }

  async #join(): Promise<MemberAssignment | null> {
    try {
      this.#entering ??= Promise.withResolvers()
      this.#subscription ??= subscriptionOf(this.#handlers, this.#owned, this.#ownedSince)
      let joined = await this.#requests.join(this.#memberId, this.#subscription, this.#reason)
      if (joined.errorCode === code.memberIdRequired) {
        // The coordinator wants to know whom it answers before it keeps a place (KIP-394).
        this.#memberId = joined.memberId
        joined = await this.#requests.join(this.#memberId, this.#subscription, this.#reason)
      }
      check('JoinGroup', joined.errorCode, `Group ${this.#options.groupId}.`)
      this.#subscription = null
      this.#memberId = joined.memberId
      const { generationId } = joined
      // A generation went by without this member: what it has may have been given to others.
      if (this.#owned.length > 0 && generationId > this.#joined + 1) {
        await this.#lose(errorOf('JoinGroup', code.illegalGeneration))
        return null
      }
      this.#joined = generationId
      this.#metadata = this.#metadataOf(generationId)
      this.#entered()
      const assignment = await this.#requests.sync(joined, this.#handlers)
      if (this.#signal.aborted) throw errorOf('SyncGroup', code.rebalanceInProgress)
      return assignment
    } catch (error) {
      const isLost = nameOf(error) === 'UNKNOWN_MEMBER_ID' || !worthRejoining(error)
      if (!isLost || this.#signal.aborted) throw error
      await this.#lose(error)
      return null
    }
  }

  #metadataOf(generation: number): GroupMetadata {
    const { groupId, instanceId } = this.#options
    const life = this.#life
    return {
      groupId,
      memberId: this.#memberId,
      generation,
      instanceId,
      renewed: async offsets => {
        const isCurrent = (): boolean => this.#life === life && this.#metadata?.generation === generation
        // What it has went with the JoinGroup, so that the next generation leaves it here, whoever leads.
        if (isCurrent() && this.#entering !== null) await this.#entering.promise
        return this.#life === life && !isCurrent() && this.#owns(offsets) ? this.#metadata : null
      },
    }
  }

  /** Has all of these, or is still at giving them up. */
  #owns(partitions: readonly TopicPartition[]): boolean {
    const owned = new Set(this.#owned.map(({ topic, partition }) => keyOf(topic, partition)))
    return partitions.every(({ topic, partition }) => owned.has(keyOf(topic, partition)))
  }
}
