import type { Compiled, StoreSpec } from '../../topology/compiled.ts'
import { AppError } from '../errors.ts'
import type { Kafka, PartitionOffset, World } from '../ports.ts'
import type { Stores } from '../state-port.ts'
import type { StoreDefinition } from '../state/identity.ts'
import { TaskState } from '../state/task-state.ts'
import { sourcesOf, type TaskPlace, taskName } from './assign/places.ts'
import { beforeEndMarks } from './ended.ts'
import { OffsetsGone, restore, type RestoreProgress, type Restoring } from './restore.ts'
import type { AppTopics } from './topics.ts'

export interface OpenOptions {
  readonly compiled: Compiled
  readonly topics: AppTopics
  readonly application: string
  readonly clusterId: string
  readonly kafka: Kafka
  readonly stores: Stores
  readonly world: World
  readonly progress: RestoreProgress
  /**
   * A store that was written longer ago than this is restored from scratch: compaction may have dropped tombstones
   * since.
   */
  readonly staleAfterMs: number
}

/** A task's state, caught up, and where its input goes on. */
export interface OpenedTask {
  readonly place: TaskPlace
  readonly state: TaskState
  /** Next offset by source topic. */
  readonly positions: ReadonlyMap<string, number>
}

/**
 * Opens the state of tasks, catches it up with the changelogs, and looks up where their input goes on. Nothing of a
 * former owner may be open any more: it has given the tasks up, or was fenced (`fenceFormerOwners`).
 */
export async function openTasks(
  places: readonly TaskPlace[],
  options: OpenOptions,
  signal: AbortSignal,
): Promise<OpenedTask[]> {
  const states = new Map<string, TaskState>()
  try {
    for (const place of places) states.set(taskName(place), await openState(place, options))
    await catchUp(places, states, options, signal)
    const positions = await inputPositions(places, options, signal)
    return places.map(place => ({ place, state: states.get(taskName(place))!, positions: positions(place) }))
  } catch (error) {
    for (const state of states.values()) await state.close()
    throw error
  }
}

async function openState(place: TaskPlace, options: OpenOptions): Promise<TaskState> {
  const { stores, world, application, clusterId } = options
  const task = taskName(place)
  const definitions = options.compiled.subTopologies[place.part]!.stores.map(store =>
    definitionOf(store, options.topics),
  )
  const identity = { clusterId, application, task }
  // The second round finds a store that was made just now, which nothing is wrong with.
  for (let round = 0; round < 2; round++) {
    let reason: string
    try {
      const { store, created, aside } = await stores.open(task)
      if (aside !== undefined)
        world.log.error(
          { task, aside, code: 'STATE_CORRUPT' },
          'a store that ends the process was moved aside: restoring',
        )
      const opened = TaskState.open(store, created, identity, definitions)
      if (typeof opened !== 'string' && !isStale(opened, options)) {
        if (created) await opened.begin(world.clock.now())
        return opened
      }
      reason = typeof opened === 'string' ? opened : 'it was last written too long ago'
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'STATE_CORRUPT') throw error
      reason = error.message
    }
    world.log.warn({ task, reason }, 'a store cannot be used: it is wiped and restored from its changelog')
    await stores.destroy(task)
  }
  throw new AppError('STATE_CORRUPT', `The store of task ${task} cannot be made anew. Look at its disk.`)
}

const isStale = (state: TaskState, options: OpenOptions): boolean =>
  state.writtenMs > 0 && options.world.clock.now() - state.writtenMs > options.staleAfterMs

/** A store as the state of a task keeps it. */
export const definitionOf = (store: StoreSpec, topics: AppTopics): StoreDefinition => ({
  name: store.name,
  hasKinds: store.kind !== 'keyValue',
  changelogId: topics.id(topics.changelog(store.name)),
})

async function catchUp(
  places: readonly TaskPlace[],
  states: Map<string, TaskState>,
  options: OpenOptions,
  signal: AbortSignal,
): Promise<void> {
  const { compiled, topics, kafka, world, stores, progress } = options
  const restoring = (place: TaskPlace): Restoring[] => {
    const state = states.get(taskName(place))!
    return compiled.subTopologies[place.part]!.stores.map(({ name }) => ({
      topic: topics.changelog(name),
      partition: place.partition,
      store: name,
      state,
      from: state.nextOffset(name),
    }))
  }
  try {
    await restore(places.flatMap(restoring), kafka, world, progress, signal)
  } catch (error) {
    if (!(error instanceof OffsetsGone)) throw error
    const gone = new Set(error.partitions.map(at => at.state))
    for (const place of places) {
      const task = taskName(place)
      if (!gone.has(states.get(task)!)) continue
      world.log.warn({ task }, 'the changelog does not reach back to what a store holds: it is wiped and restored')
      await states.get(task)!.close()
      await stores.destroy(task)
      states.set(task, await openState(place, options))
    }
    await restore(places.flatMap(restoring), kafka, world, progress, signal)
  }
}

async function inputPositions(
  places: readonly TaskPlace[],
  options: OpenOptions,
  signal: AbortSignal,
): Promise<(place: TaskPlace) => ReadonlyMap<string, number>> {
  const { compiled, topics, kafka, application } = options
  const sources = places.flatMap(place => sourcesOf(compiled, topics, place))
  const admin = kafka.admin()
  const committed = await admin.committed(application, sources)
  const fresh = committed.filter(at => at.offset === null)
  const earliest = fresh.length === 0 ? [] : await admin.offsets(fresh, 'earliest', 'read_uncommitted')
  const known = committed.filter((at): at is PartitionOffset => at.offset !== null)
  const marks = await beforeEndMarks(known, kafka, signal)
  const offsets = new Map([...known, ...earliest, ...marks].map(at => [`${at.topic} ${at.partition}`, at.offset]))
  return place => {
    const own = sourcesOf(compiled, topics, place)
    return new Map(own.map(at => [at.topic, offsets.get(`${at.topic} ${at.partition}`)!]))
  }
}
