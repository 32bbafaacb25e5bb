import { type CopyPolicy, type Members, noCopies, waitForState } from './copies.ts'
import { comparePlaces, type TaskPlace, taskName } from './places.ts'
import { quotasFor } from './quotas.ts'
import { dealStandbys } from './standbys.ts'

/** A worker that tasks are given to. */
export interface Candidate {
  /** No two are equal. Decides between candidates that are equally good. */
  readonly name: string
  /** Workers of one process share its disk: what one has the state of, all have. */
  readonly process: string
  /** What it runs, or was told to run and has not given up. */
  readonly claims: readonly TaskPlace[]
  /** The generation in which it got its claims; -1: it has none. Of two claims to a task the later one holds. */
  readonly generation: number
  /**
   * A static member that has not joined this generation: gone for a moment, or for ever, or slow. Until its session
   * ends nobody knows, so it keeps what it has and gets nothing new.
   */
  readonly isAsleep: boolean
  /** By task: how many records its copy of the state is behind; Infinity: it has one, and does not know. */
  readonly lags: ReadonlyMap<string, number>
  /** Tasks that it keeps a standby of. */
  readonly follows?: ReadonlySet<string>
}

export interface Share {
  /** What it is to run from now on. */
  readonly active: readonly TaskPlace[]
  /** What will be its own when those that run it have given it up. */
  readonly upcoming: readonly TaskPlace[]
  /** Copies that it keeps up to date in case. */
  readonly standbys: readonly TaskPlace[]
  /** Copies that it brings up to date because it is to run the tasks when they are. */
  readonly warmups: readonly TaskPlace[]
}

/**
 * Deals tasks out. The result
 * - is balanced: no two candidates differ by more than one task, over all and in each sub-topology, and neither do two
 *   processes with as many candidates;
 * - moves as few tasks as that allows, and those rather within their process, or to where else their state is;
 * - never has two owners for a task: one that somebody else claims is only announced (`upcoming`) and given when the
 *   claim is gone, in a later round (KIP-429);
 * - gives a task to nobody who would first have to restore it while another has its state (`waitForState`);
 * - depends on its arguments alone, not on their order.
 */
export function assignTasks(
  tasks: readonly TaskPlace[],
  candidates: readonly Candidate[],
  policy: CopyPolicy = noCopies,
): ReadonlyMap<string, Share> {
  const ordered = candidates.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const claimed = claimsOf(tasks, ordered)
  const owners = new Map<string, number>()
  for (const task of tasks) {
    const asleep = claimed.get(taskName(task))?.find(index => ordered[index]!.isAsleep)
    if (asleep !== undefined) owners.set(taskName(task), asleep)
  }
  const awake = ordered.flatMap((candidate, index) => (candidate.isAsleep ? [] : [index]))
  const movable = tasks.filter(task => !owners.has(taskName(task)))
  if (awake.length > 0) deal(movable, { ordered, awake, claimed, owners })
  const members: Members = {
    processes: ordered.map(({ process }) => process),
    awake,
    claimants: task => claimed.get(taskName(task)) ?? [],
    lag: (task, member) => ordered[member]!.lags.get(taskName(task)),
    follows: (task, member) => ordered[member]!.follows?.has(taskName(task)) === true,
  }
  const loads = ordered.map((_, index) => [...owners.values()].filter(owner => owner === index).length)
  const warmups = waitForState(movable, owners, members, policy)
  const runsIn = (task: TaskPlace, process: string): boolean =>
    [...members.claimants(task), owners.get(taskName(task)) ?? -1].some(index => members.processes[index] === process)
  const standbys = awake.length === 0 ? null : dealStandbys(tasks, { members, policy, loads, runsIn })
  const shares = ordered.map((_, index) => ({
    active: [] as TaskPlace[],
    upcoming: [] as TaskPlace[],
    standbys: (standbys?.get(index) ?? []).toSorted(comparePlaces),
    warmups: warmups.get(index) ?? [],
  }))
  for (const task of tasks.toSorted(comparePlaces)) {
    const owner = owners.get(taskName(task))
    if (owner === undefined) continue
    const claimants = members.claimants(task)
    const mayRun = claimants.length === 0 || claimants.includes(owner)
    shares[owner]![mayRun ? 'active' : 'upcoming'].push(task)
    // It is kept up to date until it is given.
    const isApart = !claimants.some(index => members.processes[index] === members.processes[owner])
    if (!mayRun && isApart && policy.isStateful(task)) shares[owner]!.warmups.push(task)
  }
  return new Map(ordered.map(({ name }, index) => [name, shares[index]!]))
}

/** Who claims each task, the claim that holds first. */
function claimsOf(tasks: readonly TaskPlace[], ordered: readonly Candidate[]): Map<string, number[]> {
  const claimed = new Map<string, number[]>()
  const known = new Set(tasks.map(taskName))
  for (const [index, { claims }] of ordered.entries()) {
    for (const name of new Set(claims.map(taskName))) {
      if (known.has(name)) claimed.set(name, [...(claimed.get(name) ?? []), index])
    }
  }
  for (const claimants of claimed.values()) {
    claimants.sort((a, b) => ordered[b]!.generation - ordered[a]!.generation || a - b)
  }
  return claimed
}

interface Deal {
  readonly ordered: readonly Candidate[]
  /** Indices of those that tasks are dealt to. */
  readonly awake: readonly number[]
  readonly claimed: ReadonlyMap<string, readonly number[]>
  readonly owners: Map<string, number>
}

function deal(tasks: readonly TaskPlace[], { ordered, awake, claimed, owners }: Deal): void {
  const parts = [...new Set(tasks.map(({ part }) => part))].toSorted((a, b) => a - b)
  const byPart = parts.map(part => tasks.filter(task => task.part === part).toSorted(comparePlaces))
  const holder = (task: TaskPlace): number | undefined => claimed.get(taskName(task))?.[0]
  const quotas = quotasFor({
    tasks: byPart.map(list => list.length),
    processes: numbered(awake.map(index => ordered[index]!.process)),
    has: (member, part) => byPart[part]!.filter(task => holder(task) === awake[member]).length,
    isWarm: (member, part) =>
      byPart[part]!.filter(task => holder(task) === undefined && ordered[awake[member]!]!.lags.has(taskName(task)))
        .length,
  })
  for (const [part, list] of byPart.entries()) {
    const room = new Map(awake.map((index, member) => [index, quotas[member]![part]!]))
    dealPart(list, { ordered, room, holder, owners })
  }
}

/** Equal names get equal numbers, from 0 in the order of their first appearance. */
function numbered(names: readonly string[]): number[] {
  const known = [...new Set(names)]
  return names.map(name => known.indexOf(name))
}

interface PartDeal {
  readonly ordered: readonly Candidate[]
  /** How many tasks each may still get. */
  readonly room: Map<number, number>
  readonly holder: (task: TaskPlace) => number | undefined
  readonly owners: Map<string, number>
}

/** The tasks of one sub-topology. */
function dealPart(tasks: readonly TaskPlace[], { ordered, room, holder, owners }: PartDeal): void {
  const give = (task: TaskPlace, index: number): void => {
    owners.set(taskName(task), index)
    room.set(index, room.get(index)! - 1)
  }
  const lag = (task: TaskPlace, index: number): number | undefined => ordered[index]!.lags.get(taskName(task))
  const heldBy = (index: number): TaskPlace[] => tasks.filter(task => holder(task) === index)
  const receivers = [...room].flatMap(([index, quota]) => (quota > heldBy(index).length ? [index] : []))
  for (const [index, quota] of room) {
    // Who has to give something up keeps what nobody else has the state of.
    const nearest = (task: TaskPlace): number =>
      Math.min(Infinity, ...receivers.map(other => lag(task, other) ?? Infinity))
    const kept = heldBy(index).toSorted((a, b) => compare(nearest(b), nearest(a)) || comparePlaces(a, b))
    for (const task of kept.slice(0, quota)) give(task, index)
  }
  const free = tasks.filter(task => !owners.has(taskName(task)))
  const warm = free.flatMap(task =>
    receivers.flatMap(index => {
      const behind = lag(task, index)
      return behind === undefined ? [] : [{ task, index, behind }]
    }),
  )
  for (const { task, index } of warm.toSorted((a, b) => compare(a.behind, b.behind) || comparePlaces(a.task, b.task))) {
    if (!owners.has(taskName(task)) && room.get(index)! > 0) give(task, index)
  }
  for (const task of free) {
    if (owners.has(taskName(task))) continue
    give(
      task,
      receivers.find(index => room.get(index)! > 0)!,
    )
  }
}

/** Infinity is equal to itself. */
const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1)
