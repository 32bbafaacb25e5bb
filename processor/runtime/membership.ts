import type { Buffer } from 'node:buffer'
import type { Compiled } from '../../topology/compiled.ts'
import type { GroupHandlers, GroupMemberInfo, GroupOptions, MemberShare, Random, TopicPartition } from '../ports.ts'
import { fingerprintOf } from './assign/fingerprint.ts'
import { type CopySettings, formerOwners, otherTopology, planGeneration } from './assign/group-plan.ts'
import { taskFinder, type TaskPlace, taskName } from './assign/places.ts'
import {
  type AssignmentData,
  type CopyKind,
  decodeAssignmentData,
  encodeMemberData,
  type Identity,
  type StateCopy,
} from './assign/user-data.ts'
import type { FormerOwners } from './fencing.ts'
import type { AppTopics } from './topics.ts'
import { memberName, type WorkerPlace } from './worker-place.ts'

export interface MembershipOptions {
  readonly compiled: Compiled
  readonly topics: AppTopics
  readonly random: Random
  readonly identity: Identity
  readonly process: string
  readonly worker: number
  readonly settings: CopySettings
  /** Tasks that process records. */
  readonly running: () => readonly TaskPlace[]
  /** What state there is here. */
  readonly copies: () => readonly StateCopy[]
  /** Tasks were given up: resolves when what they did is committed and they are closed. */
  readonly release: (places: readonly TaskPlace[]) => Promise<void>
  /** The assignment has changed; `wanted` says what is ours now. */
  readonly changed: () => void
  /** Everything was lost: resolves when nothing of it is open any more, in Kafka neither. */
  readonly lost: (isFinal: boolean) => Promise<void>
  /** Asks for another assignment. */
  readonly rejoin: (reason: string) => void
  readonly failed: (error: unknown) => void
}

/** Rebalances wait for members that do not answer so long; members join again without giving anything up first. */
const rebalanceTimeoutMs = 60_000
/** A member hears of a rebalance with its next heartbeat. */
const heartbeatMostMs = 500

export function groupOptions(
  options: WorkerPlace & { readonly isStatic: boolean; readonly sessionTimeoutMs: number },
): GroupOptions {
  const { application, isStatic, sessionTimeoutMs } = options
  return {
    groupId: application,
    instanceId: isStatic ? memberName(options) : null,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    heartbeatIntervalMs: Math.min(heartbeatMostMs, sessionTimeoutMs / 6),
  }
}

/** What the group has given to a worker, and what the worker tells the group. */
export class Membership implements GroupHandlers {
  readonly #options: MembershipOptions
  readonly #topics: readonly string[]
  readonly #topology: string
  readonly #wanted = new Map<string, TaskPlace>()
  #followed: ReadonlyMap<string, { readonly place: TaskPlace; readonly kind: CopyKind }> = new Map()
  readonly #tasks: (partitions: readonly TopicPartition[]) => TaskPlace[]
  readonly #fenced = new Set<string>()
  /** Since this worker has been there nobody was forgotten: what it knows goes with it. */
  #hasSearched = false
  /** A JoinGroup is on its way or answered: who is a member may be another question now. */
  #isJoining = false
  #data: AssignmentData | null = null
  /** Of the membership that stands; what a lost one was told is still worth telling others. */
  #isCurrent = false
  /** Of the last JoinGroup. */
  #nonce = 0
  /** Assignments so far. */
  generations = 0

  constructor(options: MembershipOptions) {
    this.#options = options
    const { compiled, topics } = options
    this.#tasks = taskFinder(compiled, topics)
    this.#topology = fingerprintOf(compiled)
    this.#topics = [
      ...compiled.inputs.map(topic => topic.name),
      ...compiled.repartitions.map(({ name }) => topics.repartition(name)),
    ]
  }

  /** The tasks that are ours. */
  get wanted(): ReadonlyMap<string, TaskPlace> {
    return this.#wanted
  }

  /** Tasks whose state is to be kept up to date here: as a standby, or because they are to move here. */
  get followed(): ReadonlyMap<string, { readonly place: TaskPlace; readonly kind: CopyKind }> {
    return this.#followed
  }

  /** There is an assignment, and nothing more is on its way. */
  get isSettled(): boolean {
    return this.#isCurrent && this.#data !== null && this.#data.upcoming.length === 0
  }

  /**
   * Transactional ids that must be fenced before these tasks are opened, each once: when it is fenced again it may be
   * in use again. `done`: they are fenced.
   */
  formerOwners(places: readonly TaskPlace[]): FormerOwners {
    const { holdings = null } = this.#data ?? {}
    const { id: self, isTransactional } = this.#options.identity
    const owners = new Map<string, string>()
    for (const { id, nonce } of places.flatMap(place => formerOwners(holdings, place, self))) {
      // A worker draws anew whenever it joins: this one is the one that vanished, and none that came back since.
      if (!this.#fenced.has(`${id} ${nonce}`)) owners.set(`${id} ${nonce}`, id)
    }
    let hasSearched = false
    const forgotten = (open: readonly string[]): readonly string[] => {
      // Nobody runs tasks before all have joined: whoever had something open when they were listed and is no member of
      // the generation that still stands is gone. In the middle of a rebalance that cannot be said.
      if (this.#isJoining || this.#data === null) return []
      hasSearched = true
      const present = new Set(this.#data.holdings.holders.flatMap(({ id, isPresent }) => (isPresent ? [id] : [])))
      return open.filter(id => id !== self && !present.has(id))
    }
    const done = (): void => {
      for (const owner of owners.keys()) this.#fenced.add(owner)
      this.#hasSearched ||= hasSearched
    }
    const ids = [...new Set(owners.values())]
    return { ids, forgotten: isTransactional && !this.#hasSearched ? forgotten : null, done }
  }

  subscription(): { readonly topics: readonly string[]; readonly userData: Buffer } {
    const { identity, process, worker, random, running, copies } = this.#options
    this.#isJoining = true
    // 0 stands for none.
    this.#nonce = 1 + Math.floor(random.next() * 0xffff_fffe)
    const holdings = this.#data?.holdings ?? null
    const userData = encodeMemberData({
      ...identity,
      topology: this.#topology,
      process,
      worker,
      nonce: this.#nonce,
      running: running(),
      copies: copies(),
      holdings,
    })
    return { topics: this.#topics, userData }
  }

  assign(members: readonly GroupMemberInfo[], generation: number): ReadonlyMap<string, MemberShare> {
    const { compiled, topics, settings } = this.#options
    return planGeneration(compiled, topics, members, generation, settings)
  }

  async onAssigned(partitions: readonly TopicPartition[], userData: Buffer | null): Promise<void> {
    if (userData !== null) this.#data = decodeAssignmentData(userData)
    const { topology = this.#topology } = this.#data?.holdings ?? {}
    if (topology !== this.#topology) throw otherTopology(this.#topology, topology)
    this.#isCurrent = true
    this.#isJoining = false
    this.generations++
    this.#wanted.clear()
    for (const place of this.#tasks(partitions)) this.#wanted.set(taskName(place), place)
    this.#follow()
    this.#options.changed()
    this.#seeReturn()
  }

  /** What is on its way here already need not be asked for when it is ready: it follows as a standby does. */
  #follow(): void {
    const { standbys = [], warmups = [], upcoming = [] } = this.#data ?? {}
    const announced = new Set(upcoming.map(taskName))
    const followed = new Map<string, { place: TaskPlace; kind: CopyKind }>()
    for (const place of warmups)
      followed.set(taskName(place), { place, kind: announced.has(taskName(place)) ? 'local' : 'warmup' })
    // One that is both counts as a warm-up for who keeps it, and stays a standby for the others.
    for (const place of standbys)
      if (!followed.has(taskName(place))) followed.set(taskName(place), { place, kind: 'standby' })
    this.#followed = followed
  }

  /**
   * A static member that comes back is given what was left for it, without a rebalance. Whether its former self still
   * had something to give up, which is free now, or was passed over while it was away, is for it to say: nobody else
   * can know that it is back.
   */
  #seeReturn(): void {
    const { identity, rejoin } = this.#options
    const self = this.#data?.holdings.holders.find(({ id, isPresent }) => id === identity.id && isPresent)
    if (self === undefined || self.nonce === this.#nonce) return
    const isFree = self.tasks.some(task => !this.#wanted.has(taskName(task)))
    if (isFree || self.isAsleep) rejoin('A static member is back, and has something to give or to get.')
  }

  async onRevoked(partitions: readonly TopicPartition[]): Promise<void> {
    const places = this.#tasks(partitions)
    for (const place of places) this.#wanted.delete(taskName(place))
    await this.#options.release(places)
  }

  async onLost(_partitions: readonly TopicPartition[], isFinal: boolean): Promise<void> {
    this.#isCurrent = false
    this.#wanted.clear()
    await this.#options.lost(isFinal)
  }

  /** Asks for another assignment. */
  rejoin(reason: string): void {
    this.#options.rejoin(reason)
  }

  onFailed(error: unknown): void {
    this.#options.failed(error)
  }
}
