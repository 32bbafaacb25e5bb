import { FlowNetwork } from './flow.ts'

/** Worth more than all that can be lost elsewhere by it: the least that everyone is due. */
const dueReward = 2 ** 32
/** A task stays where it is... */
const keptReward = 2 ** 16
/** ...or goes where its state is. */
const warmReward = 1

export interface QuotaOptions {
  /** Tasks of each sub-topology. */
  readonly tasks: readonly number[]
  readonly members: number
  /** How many tasks of a sub-topology a member has. */
  has(member: number, part: number): number
  /** How many more tasks of a sub-topology it has the state of. */
  isWarm(member: number, part: number): number
}

/**
 * How many tasks of each sub-topology each member is to have, `quotas[member][part]`. The counts of any two members
 * differ by at most one, over all and in each sub-topology; that is always possible (deal the tasks out in turn, one
 * sub-topology after the other). Among all such quotas these let the most tasks stay where they are.
 */
export function quotasFor({ tasks, members, has, isWarm }: QuotaOptions): number[][] {
  const total = tasks.reduce((sum, count) => sum + count, 0)
  const source = tasks.length + members
  const sink = source + 1
  const network = new FlowNetwork(sink + 1)
  const shares: { member: number; part: number; edge: number }[] = []
  for (const [part, count] of tasks.entries()) {
    network.edge(source, part, count, 0)
    const [least, most] = [Math.floor(count / members), Math.ceil(count / members)]
    for (let member = 0; member < members; member++) {
      const kept = Math.min(most, has(member, part))
      const warm = Math.min(most, kept + isWarm(member, part))
      // One edge for each run of units that are worth the same; the first units are worth the most.
      const ends = [...new Set([0, least, kept, warm, most])].toSorted((a, b) => a - b)
      for (const [index, end] of ends.slice(1).entries()) {
        const reward = (end <= least ? dueReward : 0) + (end <= kept ? keptReward : 0) + (end <= warm ? warmReward : 0)
        shares.push({ member, part, edge: network.edge(part, tasks.length + member, end - ends[index]!, reward) })
      }
    }
  }
  const [least, most] = [Math.floor(total / members), Math.ceil(total / members)]
  for (let member = 0; member < members; member++) {
    network.edge(tasks.length + member, sink, least, dueReward)
    network.edge(tasks.length + member, sink, most - least, 0)
  }
  network.run(source, sink)
  const quotas = Array.from({ length: members }, () => tasks.map(() => 0))
  for (const { member, part, edge } of shares) quotas[member]![part]! += network.flow(edge)
  return quotas
}
