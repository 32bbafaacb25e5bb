import type { CopyPolicy, Members } from './copies.ts'
import { comparePlaces, type TaskPlace, taskName } from './places.ts'

interface Step {
  readonly task: TaskPlace
  readonly giver: number
  readonly taker: number
}

export interface StandbyOptions {
  readonly members: Members
  readonly policy: CopyPolicy
  /** Tasks that each member runs, by its index. */
  readonly loads: readonly number[]
  /** A member of the process runs the task, or is going to. */
  readonly runsIn: (task: TaskPlace, process: string) => boolean
}

/**
 * Where copies of each task's state follow it: never in the process that runs it, each in a process of its own, spread
 * evenly over the members together with the tasks that these run, and where they are already as far as that allows;
 * then where least is missing.
 */
export function dealStandbys(tasks: readonly TaskPlace[], options: StandbyOptions): ReadonlyMap<number, TaskPlace[]> {
  const stateful = tasks.filter(options.policy.isStateful).toSorted(comparePlaces)
  const deal = new StandbyDeal(stateful, options)
  deal.keep()
  deal.fill()
  deal.level()
  return deal.given
}

class StandbyDeal {
  readonly given = new Map<number, TaskPlace[]>()
  readonly #tasks: readonly TaskPlace[]
  readonly #options: StandbyOptions
  readonly #loads: number[]
  readonly #holders = new Map<string, readonly number[]>()
  readonly #wanted = new Map<string, number>()
  #left = 0

  constructor(tasks: readonly TaskPlace[], options: StandbyOptions) {
    const { members, loads, policy, runsIn } = options
    this.#tasks = tasks
    this.#options = options
    this.#loads = [...loads]
    for (const member of members.awake) this.given.set(member, [])
    const processes = [...new Set(members.awake.map(member => members.processes[member]!))]
    for (const task of tasks) {
      const wanted = Math.min(policy.standbys, processes.filter(process => !runsIn(task, process)).length)
      this.#wanted.set(taskName(task), wanted)
      this.#left += wanted
    }
  }

  /** Copies that are there stay, as long as nobody has more than its share. */
  keep(): void {
    const { awake, lag, follows } = this.#options.members
    const most = Math.ceil((this.#left + awake.reduce((sum, member) => sum + this.#loads[member]!, 0)) / awake.length)
    const copies = this.#tasks.flatMap(task =>
      awake.flatMap(member => {
        const behind = lag(task, member)
        return behind === undefined ? [] : [{ task, member, behind: follows(task, member) ? -1 : behind }]
      }),
    )
    const nearest = copies.toSorted(
      (a, b) => compare(a.behind, b.behind) || comparePlaces(a.task, b.task) || a.member - b.member,
    )
    for (const { task, member } of nearest) {
      if (this.#isOpen(task) && this.#mayHold(task, member) && this.#loads[member]! < most) this.#give(task, member)
    }
  }

  /** The rest go to who has least. */
  fill(): void {
    const { awake } = this.#options.members
    for (const task of this.#tasks) {
      while (this.#isOpen(task)) {
        const able = awake.filter(member => this.#mayHold(task, member))
        this.#give(
          task,
          able.reduce((least, member) => (this.#loads[member]! < this.#loads[least]! ? member : least)),
        )
      }
    }
  }

  /** Moves along the shortest chain from who has too many to who has too few, while there is one. */
  level(): void {
    const { awake } = this.#options.members
    const size = [...this.given.values()].reduce((sum, tasks) => sum + tasks.length, 0)
    for (let moves = 0; moves < size; moves++) {
      const fullest = awake.toSorted((a, b) => this.#loads[b]! - this.#loads[a]! || a - b)
      let chain: readonly Step[] = []
      for (let next = 0; next < fullest.length && chain.length === 0; next++) chain = this.#chainFrom(fullest[next]!)
      if (chain.length === 0) return
      for (const { task, giver, taker } of chain.toReversed()) {
        if (!this.#mayHold(task, taker, giver)) return
        this.#take(task, giver)
        this.#give(task, taker)
      }
    }
  }

  #chainFrom(start: number): Step[] {
    const steps = new Map<number, Step>()
    const queue = [start]
    for (const giver of queue) {
      for (const taker of this.#options.members.awake) {
        if (taker === start || steps.has(taker)) continue
        const task = this.given.get(giver)!.find(each => this.#mayHold(each, taker, giver))
        if (task === undefined) continue
        steps.set(taker, { task, giver, taker })
        if (this.#loads[taker]! <= this.#loads[start]! - 2) return pathTo(taker, start, steps)
        queue.push(taker)
      }
    }
    return []
  }

  #isOpen(task: TaskPlace): boolean {
    return this.#held(task).length < this.#wanted.get(taskName(task))!
  }

  #held(task: TaskPlace): readonly number[] {
    return this.#holders.get(taskName(task)) ?? []
  }

  /** `giver` would hold it no more. */
  #mayHold(task: TaskPlace, member: number, giver = -1): boolean {
    const { members, runsIn } = this.#options
    const process = members.processes[member]!
    return !runsIn(task, process) && !this.#held(task).some(at => at !== giver && members.processes[at] === process)
  }

  #give(task: TaskPlace, member: number): void {
    this.#holders.set(taskName(task), [...this.#held(task), member])
    this.given.get(member)!.push(task)
    this.#loads[member]!++
  }

  #take(task: TaskPlace, member: number): void {
    this.#holders.set(
      taskName(task),
      this.#held(task).filter(other => other !== member),
    )
    this.given.get(member)!.splice(this.given.get(member)!.indexOf(task), 1)
    this.#loads[member]!--
  }
}

function pathTo(end: number, start: number, steps: ReadonlyMap<number, Step>): Step[] {
  const path: Step[] = []
  for (let at = end; at !== start; at = path.at(-1)!.giver) path.push(steps.get(at)!)
  return path.toReversed()
}

/** Infinity is equal to itself. */
const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1)
