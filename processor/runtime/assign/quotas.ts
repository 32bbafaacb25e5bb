import { FlowNetwork } from './flow.ts'

/** Worth more than all that can be lost elsewhere by it: the least that everyone is due. */
const dueReward = 2 ** 40
/** A task stays where it is... */
const keptReward = 2 ** 20
/** ...or goes to another thread of the same process, which has its state... */
const nearReward = 2 ** 10
/** ...or goes where else its state is. */
const warmReward = 1

export interface QuotaOptions {
  /** Tasks of each sub-topology. */
  readonly tasks: readonly number[]
  /** The process of each member: a number from 0. */
  readonly processes: readonly number[]
  /** How many tasks of a sub-topology a member has. */
  has(member: number, part: number): number
  /** How many more tasks of a sub-topology it has the state of. */
  isWarm(member: number, part: number): number
}

/**
 * How many tasks of each sub-topology each member is to have, `quotas[member][part]`. The counts of any two members
 * differ by at most one, over all and in each sub-topology, and so do those of processes with as many members; with
 * more members a process gets proportionally more. That is always possible: the exact shares meet all of these bounds,
 * and where bounds are whole numbers a flow that meets them can be one of whole numbers. Among all such quotas these
 * let the most tasks stay where they are, and then in their process.
 *
 *   source -> sub-topology -> (sub-topology, process) -> member -> process -> sink
 */
export function quotasFor({ tasks, processes, has, isWarm }: QuotaOptions): number[][] {
  const total = tasks.reduce((sum, count) => sum + count, 0)
  const members = processes.length
  const sizes: number[] = []
  for (const process of processes) sizes[process] = (sizes[process] ?? 0) + 1
  const cell = (part: number, process: number): number => tasks.length + part * sizes.length + process
  const firstMember = cell(tasks.length, 0)
  const firstProcess = firstMember + members
  const source = firstProcess + sizes.length
  const sink = source + 1
  const network = new FlowNetwork(sink + 1)
  /** An edge for each run of units that are worth the same; the first units are worth the most. */
  const connect = (
    from: number,
    to: number,
    share: number,
    worth: readonly [end: number, reward: number][],
  ): number[] => {
    const [least, most] = [Math.floor(share), Math.ceil(share)]
    const steps = [[least, dueReward] as const, ...worth.map(([end, reward]) => [Math.min(end, most), reward] as const)]
    const ends = [...new Set([0, most, ...steps.map(([end]) => end)])].toSorted((a, b) => a - b)
    return ends.slice(1).map((end, index) => {
      const reward = steps.reduce((sum, [until, each]) => sum + (end <= until ? each : 0), 0)
      return network.edge(from, to, end - ends[index]!, reward)
    })
  }
  const shares: { member: number; part: number; edges: readonly number[] }[] = []
  for (const [part, count] of tasks.entries()) {
    network.edge(source, part, count, 0)
    const kept = processes.map((_, member) => has(member, part))
    for (const [process, size] of sizes.entries()) {
      const near = kept.reduce((sum, own, member) => sum + (processes[member] === process ? own : 0), 0)
      connect(part, cell(part, process), (count * size) / members, [[near, nearReward]])
    }
    for (const [member, process] of processes.entries()) {
      const own = kept[member]!
      const worth: [number, number][] = [
        [own, keptReward],
        [own + isWarm(member, part), warmReward],
      ]
      const edges = connect(cell(part, process), firstMember + member, count / members, worth)
      shares.push({ member, part, edges })
    }
  }
  for (const [member, process] of processes.entries())
    connect(firstMember + member, firstProcess + process, total / members, [])
  for (const [process, size] of sizes.entries()) connect(firstProcess + process, sink, (total * size) / members, [])
  network.run(source, sink)
  const quotas = processes.map(() => tasks.map(() => 0))
  for (const { member, part, edges } of shares) for (const edge of edges) quotas[member]![part]! += network.flow(edge)
  return quotas
}
