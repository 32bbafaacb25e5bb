import type { Compiled } from '../../../topology/compiled.ts'
import { AppError } from '../../errors.ts'
import type { GroupMemberInfo, MemberShare } from '../../ports.ts'
import type { Settings } from '../config.ts'
import type { AppTopics } from '../topics.ts'
import { assignTasks, type Candidate } from './assignor.ts'
import { fingerprintOf } from './fingerprint.ts'
import { allTasks, comparePlaces, sourcesOf, taskFinder, type TaskPlace, taskName } from './places.ts'
import { decodeMemberData, encodeAssignmentData, type Holder, type Holdings, type MemberData } from './user-data.ts'

/** What the leader's own settings say; all processes of an application have the same. */
export type CopySettings = Pick<Settings, 'standbyReplicas' | 'warmups' | 'acceptableLagRecords'>

interface Member {
  readonly info: GroupMemberInfo
  readonly data: MemberData
  readonly candidate: Candidate
}

/**
 * What the leader of `generation` gives to each member. A pure function of what the members said. A member that runs
 * another topology than the group does gets nothing; when the leader is the one, it throws.
 */
export function planGeneration(
  compiled: Compiled,
  topics: AppTopics,
  infos: readonly GroupMemberInfo[],
  generation: number,
  settings: CopySettings = { standbyReplicas: 0, warmups: 0, acceptableLagRecords: Infinity },
): ReadonlyMap<string, MemberShare> {
  const all = infos.map(info => ({ info, data: dataOf(info) }))
  const before = newest(all.map(({ data }) => data.holdings))
  const own = fingerprintOf(compiled)
  // What the group runs already is not stopped by who comes with something else.
  const topology = all.find(({ data }) => data.topology === before?.topology)?.data.topology ?? own
  if (topology !== own) throw otherTopology(own, topology)
  const said = all.filter(({ data }) => data.topology === topology)
  const find = taskFinder(compiled, topics)
  const sizes = sizesOf(said.map(({ data }) => data))
  const members = withSharedState(
    said.map(({ info, data }) => ({ info, data, candidate: candidateOf(info, data, find(info.owned), before, sizes) })),
  )
  const candidates = members.map(({ candidate }) => candidate)
  const shares = assignTasks(allTasks(topics), candidates, {
    standbys: settings.standbyReplicas,
    warmups: settings.warmups,
    acceptableLagRecords: settings.acceptableLagRecords,
    sizeRecords: task => sizes.get(taskName(task)) ?? 0,
    isStateful: ({ part }) => compiled.subTopologies[part]!.stores.length > 0,
  })
  const active = ({ candidate }: Member): readonly TaskPlace[] => shares.get(candidate.name)!.active
  const holdings = {
    generation,
    topology,
    holders: [...members.map(each => holderOf(each, active(each))), ...gone(members, before)],
  }
  const strangers = all
    .filter(({ data }) => data.topology !== topology)
    .map(({ info }): [string, MemberShare] => {
      const userData = encodeAssignmentData({ upcoming: [], standbys: [], warmups: [], holdings })
      return [info.memberId, { partitions: [], userData }]
    })
  return new Map([
    ...strangers,
    ...members.map((member): [string, MemberShare] => {
      const partitions = active(member).flatMap(task => sourcesOf(compiled, topics, task))
      const { upcoming, standbys, warmups } = shares.get(member.candidate.name)!
      const userData = encodeAssignmentData({ upcoming, standbys, warmups, holdings })
      return [member.info.memberId, { partitions, userData }]
    }),
  ])
}

/** This process cannot share tasks with the others. */
export const otherTopology = (own: string, others: string): AppError =>
  new AppError(
    'CONFIG',
    `The other processes of this application run another topology (${others}, and this one ${own}): their inputs, ` +
      'repartitions or stores differ, so tasks cannot be shared. Stop all of the old version before the new one is ' +
      'started, or give the new one another --application name.',
  )

function dataOf({ memberId, userData }: GroupMemberInfo): MemberData {
  if (userData !== null) return decodeMemberData(userData)
  throw new AppError('CONFIG', `Member ${memberId} of the group says nothing of itself: it is no worker of Millrace's.`)
}

function newest(all: readonly (Holdings | null)[]): Holdings | null {
  let best: Holdings | null = null
  for (const each of all) if (each !== null && each.generation > (best?.generation ?? -1)) best = each
  return best
}

function candidateOf(
  info: GroupMemberInfo,
  data: MemberData,
  owned: readonly TaskPlace[],
  before: Holdings | null,
  sizes: ReadonlyMap<string, number>,
): Candidate {
  const had = before?.holders.find(holder => holder.id === data.id && holder.isPresent)
  // Each JoinGroup draws anew: this one is what the broker kept of a static member that did not come.
  const isAsleep = info.instanceId !== null && had !== undefined && had.nonce === data.nonce
  const lags = new Map<string, number>()
  // What it ran before it was restarted is likely to be on its disk.
  for (const task of had?.tasks ?? []) lags.set(taskName(task), Infinity)
  for (const copy of data.copies) lags.set(taskName(copy), sizes.get(taskName(copy))! - copy.heldOffset)
  const standbys = data.copies.filter(({ kind }) => kind === 'standby')
  return {
    name: `${data.id} ${info.memberId}`,
    process: data.process,
    claims: isAsleep ? [...owned, ...had.tasks] : owned,
    generation: info.generation,
    isAsleep,
    lags,
    follows: new Set(standbys.map(taskName)),
  }
}

/** Where the changelogs of each task end, as far as anybody knows. */
function sizesOf(all: readonly MemberData[]): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>()
  for (const { copies } of all) {
    for (const copy of copies) {
      const end = copy.heldOffset + copy.lagRecords
      sizes.set(taskName(copy), Math.max(end, sizes.get(taskName(copy)) ?? 0))
    }
  }
  return sizes
}

/** What one worker of a process has the state of, all its workers have: it is in the same folder. */
function withSharedState(members: readonly Member[]): Member[] {
  const disks = new Map<string, Map<string, number>>()
  for (const { candidate, data } of members) {
    const lags = disks.get(candidate.process) ?? new Map<string, number>()
    disks.set(candidate.process, lags)
    const see = (name: string, lag: number): void => void lags.set(name, Math.min(lag, lags.get(name) ?? Infinity))
    for (const [name, lag] of candidate.lags) see(name, lag)
    // Whoever gets it after its owner has given it up finds all of it.
    for (const task of data.running) see(taskName(task), 0)
  }
  return members.map(each => ({ ...each, candidate: { ...each.candidate, lags: disks.get(each.candidate.process)! } }))
}

/** With what it claims and has not given up yet: should it vanish meanwhile, its transaction is still to be ended. */
function holderOf({ data, candidate }: Member, active: readonly TaskPlace[]): Holder {
  const tasks = new Map([...candidate.claims, ...active].map(task => [taskName(task), task]))
  const { id, isTransactional, nonce } = data
  const { isAsleep } = candidate
  return { id, isTransactional, isPresent: true, isAsleep, nonce, tasks: [...tasks.values()].toSorted(comparePlaces) }
}

/** Workers that are not in the group any more, with those of their tasks that nobody has opened since. */
function gone(members: readonly Member[], before: Holdings | null): Holder[] {
  const present = new Set(members.map(({ data }) => data.id))
  const opened = new Set(members.flatMap(({ data }) => data.running.map(taskName)))
  const holders = new Map<string, Holder>()
  for (const holder of before?.holders ?? []) {
    const { id, isTransactional, nonce } = holder
    if (present.has(id) || !isTransactional) continue
    const tasks = holder.tasks.filter(task => !opened.has(taskName(task)))
    if (tasks.length > 0) holders.set(id, { id, isTransactional, isPresent: false, isAsleep: false, nonce, tasks })
  }
  return [...holders.values()]
}

/** Whose transactions have to be ended before a task is opened by `self` (rule C10): they are in the group no more. */
export function formerOwners(holdings: Holdings | null, task: TaskPlace, self: string): Holder[] {
  const isTask = (other: TaskPlace): boolean => other.part === task.part && other.partition === task.partition
  return (holdings?.holders ?? []).filter(
    ({ id, isPresent, isTransactional, tasks }) => isTransactional && !isPresent && id !== self && tasks.some(isTask),
  )
}
