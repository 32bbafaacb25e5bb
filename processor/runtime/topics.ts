import type { Compiled } from '../../topology/compiled.ts'
import { changelogTopic, repartitionTopic } from '../../topology/names.ts'
import { resolve, type Resolved } from '../../topology/partitions.ts'
import { AppError } from '../errors.ts'
import type { Admin, NewTopic, TopicDescription } from '../ports.ts'

/** The topics of one application as they are: names, widths, ids. */
export interface AppTopics {
  /** Tasks of each sub-topology, by its id. */
  readonly tasks: readonly number[]
  /** Partitions of a topic by its full name. */
  partitions(topic: string): number
  /** The topic's id: another one means that it was deleted and made again. */
  id(topic: string): string
  changelog(store: string): string
  repartition(name: string): string
  /** How many tasks write the repartition topic, and which of them are the sub-topology's: they follow from `first`. */
  upstreams(name: string, subTopology: number): { readonly count: number; readonly first: number }
}

// Brokers delete by the wall clock, and replayed records are old: internal topics keep everything until it is compacted
// or purged by us (KAFKA-4785 is what happens otherwise).
const changelogConfigs = { 'cleanup.policy': 'compact', 'message.timestamp.type': 'CreateTime' }
const repartitionConfigs = {
  'cleanup.policy': 'delete',
  'retention.ms': '-1',
  'segment.bytes': '52428800',
  'message.timestamp.type': 'CreateTime',
}

/**
 * Looks up what the application needs, creates its internal topics where they are missing, and refuses what cannot run:
 * missing inputs or outputs, widths that do not fit, changelogs that a broker would delete from.
 */
export async function prepareTopics(compiled: Compiled, application: string, admin: Admin): Promise<AppTopics> {
  const outputs = compiled.outputs.map(topic => topic.name)
  const external = await admin.topics([...compiled.inputs.map(topic => topic.name), ...outputs])
  refuseMissing(outputs.filter(name => !external.has(name)))
  const resolved = resolve(compiled, name => external.get(name)?.partitions)
  const wanted: NewTopic[] = [
    ...[...resolved.repartitions].map(([name, partitions]) => ({
      name: repartitionTopic(application, name),
      partitions,
      configs: repartitionConfigs,
    })),
    ...[...resolved.changelogs].map(([store, partitions]) => ({
      name: changelogTopic(application, store),
      partitions,
      configs: changelogConfigs,
    })),
  ]
  const internal = await createMissing(wanted, admin)
  await refusePolicies(
    [...resolved.changelogs.keys()].map(store => changelogTopic(application, store)),
    admin,
  )
  const all = new Map([...external, ...internal])
  const find = (name: string): TopicDescription => {
    const found = all.get(name)
    if (found === undefined) throw new AppError('ASSERTION', `The topic '${name}' is not one of this application's.`)
    return found
  }
  return appTopics(compiled, application, resolved, find)
}

/** The topics of an application whose widths are resolved; `find` looks one up by its full name. */
export function appTopics(
  compiled: Compiled,
  application: string,
  resolved: Resolved,
  find: (topic: string) => { readonly partitions: number; readonly id: string },
): AppTopics {
  const tasksOf = (parts: readonly number[]): number => parts.reduce((sum, part) => sum + resolved.tasks[part]!, 0)
  return {
    tasks: resolved.tasks,
    partitions: name => find(name).partitions,
    id: name => find(name).id,
    changelog: store => changelogTopic(application, store),
    repartition: name => repartitionTopic(application, name),
    upstreams(name, subTopology) {
      const writers = compiled.repartitions.find(repartition => repartition.name === name)?.writtenBy ?? []
      return { count: tasksOf(writers), first: tasksOf(writers.filter(writer => writer < subTopology)) }
    },
  }
}

function refuseMissing(names: readonly string[]): void {
  if (names.length === 0) return
  const list = names.map(name => `'${name}'`).join(', ')
  throw new AppError(
    'TOPIC_MISSING',
    `The topology writes to ${list}, which ${names.length === 1 ? 'does' : 'do'} not exist. Create ${names.length === 1 ? 'it' : 'them'} first.`,
  )
}

async function createMissing(
  wanted: readonly NewTopic[],
  admin: Admin,
): Promise<ReadonlyMap<string, TopicDescription>> {
  const names = wanted.map(topic => topic.name)
  const existing = await admin.topics(names)
  for (const topic of wanted) {
    const found = existing.get(topic.name)
    if (found !== undefined && found.partitions !== topic.partitions) {
      throw new AppError(
        'PARTITIONS_DIFFER',
        `The internal topic '${topic.name}' has ${found.partitions} partitions, and this topology with its inputs needs ${topic.partitions}. ` +
          'Give the input its old partition count back, or start under another application name.',
      )
    }
  }
  const missing = wanted.filter(topic => !existing.has(topic.name))
  if (missing.length === 0) return existing
  await admin.createTopics(missing)
  return admin.topics(names)
}

async function refusePolicies(changelogs: readonly string[], admin: Admin): Promise<void> {
  if (changelogs.length === 0) return
  for (const [name, configs] of await admin.topicConfigs(changelogs)) {
    const policy = configs['cleanup.policy']
    if (policy === undefined || policy === 'compact') continue
    throw new AppError(
      'CONFIG',
      `The changelog '${name}' has cleanup.policy=${policy}: the broker would delete state. Set it to compact.`,
    )
  }
}
