import type { Compiled, RunNode, SubTopology } from './compiled.ts'
import { TopologyError } from './errors.ts'

/** How wide everything is, once the partition counts of the input topics are known. */
export interface Resolved {
  /** By id of the sub-topology. Task p reads partition p of each input that has one. */
  readonly tasks: readonly number[]
  /** Partitions of each repartition topic, by its name in the topology. */
  readonly repartitions: ReadonlyMap<string, number>
  /** Partitions of each store's changelog, by the store's name: as many as its sub-topology has tasks. */
  readonly changelogs: ReadonlyMap<string, number>
}

/**
 * Counts tasks and partitions. Inputs whose records meet by key (the two sides of a join; everything that reaches one
 * aggregate) must have equal counts, or one key would be in two tasks; a repartition topic among them takes that count.
 *
 * Throws a `TopologyError` for topics that are missing (`partitionsOf` answers undefined; `TOPIC_MISSING`), and for
 * unequal counts (`PARTITIONS_DIFFER`).
 */
export function resolve(compiled: Compiled, partitionsOf: (topic: string) => number | undefined): Resolved {
  const counts = inputCounts(compiled, partitionsOf)
  const external = new Set(counts.keys())
  for (const repartition of compiled.repartitions) {
    if (repartition.partitions !== null) counts.set(repartitionKey(repartition.name), repartition.partitions)
  }
  const groups = copartitioned(compiled)
  for (const group of groups) agree(group, counts, external)
  widen(compiled, groups, counts)
  const tasks = compiled.subTopologies.map(part => Math.max(...inputsOf(part).map(input => counts.get(input)!)))
  return {
    tasks,
    repartitions: new Map(compiled.repartitions.map(({ name }) => [name, counts.get(repartitionKey(name))!])),
    changelogs: new Map(
      compiled.subTopologies.flatMap(part => part.stores.map(store => [store.name, tasks[part.id]!] as const)),
    ),
  }
}

// Topics of the user and repartition topics may share a name, so inside this file the latter have a prefix that no
// topic has.
const prefix = 'repartition '
const repartitionKey = (name: string): string => prefix + name

const inputsOf = (part: SubTopology): readonly string[] => [
  ...part.inputs,
  ...part.repartitionInputs.map(repartitionKey),
]

function inputCounts(
  { name, inputs }: Compiled,
  partitionsOf: (topic: string) => number | undefined,
): Map<string, number> {
  const counts = new Map<string, number>()
  const missing: string[] = []
  for (const topic of inputs) {
    const count = partitionsOf(topic.name)
    if (count === undefined) missing.push(`'${topic.name}'`)
    else counts.set(topic.name, count)
  }
  if (missing.length > 0) {
    const [topics, them] = missing.length === 1 ? ['topic', 'it'] : ['topics', 'them']
    throw new TopologyError(
      `Missing: the input ${topics} ${missing.join(', ')}, which '${name}' reads. ` +
        `Create ${them} first, with as many partitions as there are to be tasks.`,
      'TOPIC_MISSING',
    )
  }
  return counts
}

interface Group {
  /** The steps at which the inputs meet. */
  readonly meets: readonly string[]
  readonly members: readonly string[]
}

/** Inputs that meet by key, transitively. */
function copartitioned(compiled: Compiled): readonly Group[] {
  const groups: { meets: string[]; members: Set<string> }[] = []
  for (const part of compiled.subTopologies) {
    const sources = reaching(part)
    for (const node of part.nodes) {
      const meet = meetsAt(node)
      if (meet === null) continue
      let merged = { meets: [meet], members: new Set(sources.get(node.id)) }
      for (const group of groups.filter(other => [...other.members].some(member => merged.members.has(member)))) {
        groups.splice(groups.indexOf(group), 1)
        merged = { meets: [...group.meets, ...merged.meets], members: new Set([...group.members, ...merged.members]) }
      }
      groups.push(merged)
    }
  }
  return groups.map(({ meets, members }) => ({ meets, members: [...members] }))
}

/** For each node the inputs whose records reach it, or, for a join, its table. */
function reaching(part: SubTopology): ReadonlyMap<number, ReadonlySet<string>> {
  const sources = new Map<number, ReadonlySet<string>>()
  for (const { id, step, from } of part.nodes) {
    if (step.kind === 'source') sources.set(id, new Set([step.topic.name]))
    else if (step.kind === 'repartitionSource') sources.set(id, new Set([repartitionKey(step.repartition)]))
    else sources.set(id, new Set(from.flatMap(parent => [...sources.get(parent)!])))
  }
  return sources
}

function meetsAt({ step }: RunNode): string | null {
  switch (step.kind) {
    case 'join':
    case 'tableJoin':
      return 'a join'
    case 'aggregate':
    case 'windowed':
    case 'session':
    case 'sliding':
    case 'trailing':
      return `'${step.store}'`
    default:
      return null
  }
}

/** Gives all members the count of those that have one. */
function agree({ meets, members }: Group, counts: Map<string, number>, external: ReadonlySet<string>): void {
  const known = members.filter(member => counts.has(member))
  const [first] = known
  if (first === undefined) return
  const count = counts.get(first)!
  const other = known.find(member => counts.get(member) !== count)
  if (other !== undefined) {
    const show = (member: string): string =>
      `${external.has(member) ? `topic '${member}'` : `repartition topic '${member.slice(prefix.length)}'`} has ` +
      `${counts.get(member)!} partitions`
    throw new TopologyError(
      `Records of one key would be in different tasks: ${show(first)}, ${show(other)}, and they meet at ` +
        `${meets.join(' and ')}. ` +
        'Give both the same number of partitions, or send one of them through .repartition().',
      'PARTITIONS_DIFFER',
    )
  }
  for (const member of members) counts.set(member, count)
}

/** Gives the other repartition topics the count of the widest source of those that write them. */
function widen(compiled: Compiled, groups: readonly Group[], counts: Map<string, number>): void {
  const open = new Set(compiled.repartitions.map(({ name }) => repartitionKey(name)).filter(name => !counts.has(name)))
  const groupOf = (name: string): readonly string[] =>
    groups.find(group => group.members.includes(name))?.members ?? [name]
  const writersInputs = (name: string): readonly string[] => {
    const { writtenBy } = compiled.repartitions.find(repartition => repartitionKey(repartition.name) === name)!
    return writtenBy.flatMap(id => inputsOf(compiled.subTopologies[id]!))
  }
  while (open.size > 0) {
    const candidates = [...open].map(name => {
      const members = groupOf(name)
      const inputs = members.flatMap(writersInputs).filter(input => !members.includes(input))
      return {
        members,
        widths: inputs.flatMap(input => counts.get(input) ?? []),
        waits: inputs.some(input => !counts.has(input)),
      }
    })
    // Topics that feed each other in a circle wait for ever: then the widest of what is known decides.
    const next =
      candidates.find(candidate => !candidate.waits) ?? candidates.find(candidate => candidate.widths.length > 0)!
    for (const member of next.members) {
      counts.set(member, Math.max(...next.widths))
      open.delete(member)
    }
  }
}
