import { comparePlaces, type TaskPlace, taskName } from './places.ts'

/** How state is kept beside the tasks that run. */
export interface CopyPolicy {
  /** Copies of each task's state that follow it in other processes. */
  readonly standbys: number
  /** Tasks that are prepared at the same time for a worker that is to get them. */
  readonly warmups: number
  /** Who is no further behind is as good as caught up. */
  readonly acceptableLagRecords: number
  /** Records in a task's changelogs, as far as is known; a task without state has none. */
  readonly sizeRecords: (task: TaskPlace) => number
  readonly isStateful: (task: TaskPlace) => boolean
}

export const noCopies: CopyPolicy = {
  standbys: 0,
  warmups: 0,
  acceptableLagRecords: Infinity,
  sizeRecords: () => 0,
  isStateful: () => false,
}

/** Who tasks are dealt to, by index. */
export interface Members {
  readonly processes: readonly string[]
  /** Those that take part. */
  readonly awake: readonly number[]
  /** Who claims a task, the claim that holds first. */
  readonly claimants: (task: TaskPlace) => readonly number[]
  /** Records that a member's copy is behind; undefined: it has none. */
  readonly lag: (task: TaskPlace, member: number) => number | undefined
  /** It keeps a standby of the task already. */
  readonly follows: (task: TaskPlace, member: number) => boolean
}

/**
 * A task is not given to a worker that would first have to restore it while another one has its state: that one runs it
 * until the worker has caught up and asks for the task (KIP-441). Changes `owners`, and answers what is to be prepared,
 * by member.
 */
export function waitForState(
  tasks: readonly TaskPlace[],
  owners: Map<string, number>,
  members: Members,
  policy: CopyPolicy,
): Map<number, TaskPlace[]> {
  const { awake, claimants, lag } = members
  const loads = new Map<number, number>()
  for (const owner of owners.values()) loads.set(owner, (loads.get(owner) ?? 0) + 1)
  const behind = (task: TaskPlace, member: number): number =>
    Math.min(lag(task, member) ?? Infinity, policy.sizeRecords(task))
  const waiting: { readonly task: TaskPlace; readonly member: number }[] = []
  for (const task of tasks.toSorted(comparePlaces)) {
    const owner = owners.get(taskName(task))
    const isReady = (member: number): boolean => behind(task, member) <= policy.acceptableLagRecords
    if (owner === undefined || claimants(task).includes(owner) || isReady(owner)) continue
    const load = (member: number): number => loads.get(member) ?? 0
    const nearest = (a: number, b: number): number => load(a) - load(b) || behind(task, a) - behind(task, b) || a - b
    const standIn = claimants(task).find(isReady) ?? awake.filter(isReady).toSorted(nearest)[0]
    if (standIn === undefined) continue
    owners.set(taskName(task), standIn)
    loads.set(standIn, load(standIn) + 1)
    loads.set(owner, load(owner) - 1)
    waiting.push({ task, member: owner })
  }
  // What a standby brings up to date anyway does not count.
  const isNew = ({ task, member }: { task: TaskPlace; member: number }): boolean => !members.follows(task, member)
  const begun = waiting
    .filter(isNew)
    .toSorted((a, b) => behind(a.task, a.member) - behind(b.task, b.member) || comparePlaces(a.task, b.task))
    .slice(0, policy.warmups)
  const warmups = new Map<number, TaskPlace[]>()
  for (const { task, member } of [...begun, ...waiting.filter(each => !isNew(each))])
    warmups.set(member, [...(warmups.get(member) ?? []), task])
  return warmups
}
