import type { Compiled, StoreSpec } from '../../topology/compiled.ts'
import { AppError } from '../errors.ts'
import type { Kafka, PartitionOffset, TopicPartition, World } from '../ports.ts'
import type { Stores } from '../state-port.ts'
import type { StoreDefinition, TaskIdentity } from '../state/identity.ts'
import { TaskState } from '../state/task-state.ts'
import { sourcesOf, type TaskPlace, taskName } from './assign/places.ts'
import { type Changelogs, keyOf } from './changelogs.ts'
import { Copy, staleAfterMs } from './copy.ts'
import { beforeEndMarks } from './ended.ts'
import type { AppTopics } from './topics.ts'

export interface OpenOptions {
  readonly compiled: Compiled
  readonly topics: AppTopics
  readonly application: string
  readonly clusterId: string
  readonly kafka: Kafka
  readonly stores: Stores
  readonly world: World
  readonly changelogs: Changelogs
}

/** A task's state, caught up, and where its input goes on. */
export interface OpenedTask {
  readonly place: TaskPlace
  readonly state: TaskState
  /** Next offset by source topic. */
  readonly positions: ReadonlyMap<string, number>
}

/** Opens copies of the state of tasks, and finds where they are in their changelogs. */
export async function openCopies(places: readonly TaskPlace[], options: OpenOptions): Promise<Copy[]> {
  const copies: Copy[] = []
  try {
    for (const place of places) copies.push(await openCopy(place, options))
    await placeCopies(copies, options)
  } catch (error) {
    for (const { state } of copies) await state.close()
    throw error
  }
  return copies
}

async function openCopy(place: TaskPlace, options: OpenOptions): Promise<Copy> {
  const { compiled, topics } = options
  const state = await openState(place, options)
  const parts = compiled.subTopologies[place.part]!.stores.map(({ name }) => ({
    topic: topics.changelog(name),
    partition: place.partition,
    store: name,
    position: state.nextOffset(name),
    end: null,
    stableEnd: -1,
    emptyFetches: 0,
    freshMs: state.writtenMs > 0 ? state.writtenMs : options.world.clock.now(),
  }))
  return new Copy(place, state, parts)
}

/** Where they begin to read; those whose offsets the changelog does not hold any more are made anew. */
async function placeCopies(copies: Copy[], options: OpenOptions): Promise<void> {
  const admin = options.kafka.admin()
  const parts = copies.flatMap(copy => copy.parts)
  if (parts.length === 0) return
  const starts = byPartition(await admin.offsets(parts, 'earliest', 'read_uncommitted'))
  const ends = byPartition(await admin.offsets(parts, 'latest', 'read_uncommitted'))
  for (const [index, { place, parts: before }] of copies.entries()) {
    const isGone = before.some(part => {
      const { position } = part
      return position > ends.get(keyOf(part))! || (position > 0 && position < starts.get(keyOf(part))!)
    })
    if (isGone) {
      await wipe(copies[index]!, options)
      copies[index] = await openCopy(place, options)
    }
    for (const part of copies[index]!.parts) {
      part.position = Math.max(part.position, starts.get(keyOf(part))!)
      part.stableEnd = ends.get(keyOf(part))!
    }
  }
}

async function wipe({ place, state }: Copy, { world, stores }: OpenOptions): Promise<void> {
  const task = taskName(place)
  world.log.warn({ task }, 'the changelog does not reach back to what a store holds: it is wiped and restored')
  await state.close()
  await stores.destroy(task)
}

/**
 * Brings copies up to the ends that their changelogs have now, each by itself: `restored` is called for one that is
 * there. Nothing of a former owner may be open any more: it has given the tasks up, or was fenced
 * (`fenceFormerOwners`).
 */
export async function restoreCopies(
  copies: readonly Copy[],
  options: OpenOptions,
  restored: (copy: Copy) => void,
): Promise<void> {
  const { changelogs, kafka } = options
  const parts = copies.flatMap(copy => copy.parts)
  const ends = byPartition(parts.length === 0 ? [] : await kafka.admin().offsets(parts, 'latest', 'read_uncommitted'))
  const run = async (copy: Copy): Promise<void> => {
    // Closed while the brokers were asked.
    if (copy.isRemoved) return
    await changelogs.restore(copy, ends)
    restored(copy)
  }
  await Promise.all(copies.map(run))
}

export const definitionsOf = ({ part }: TaskPlace, { compiled, topics }: OpenOptions): StoreDefinition[] =>
  compiled.subTopologies[part]!.stores.map(store => definitionOf(store, topics))

export const identityOf = (place: TaskPlace, { clusterId, application }: OpenOptions): TaskIdentity => ({
  clusterId,
  application,
  task: taskName(place),
})

async function openState(place: TaskPlace, options: OpenOptions): Promise<TaskState> {
  const { stores, world } = options
  const task = taskName(place)
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
      const opened = TaskState.open(store, created, identityOf(place, options), definitionsOf(place, options))
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

/** It may lack tombstones. */
export const isStale = (state: TaskState, { world }: OpenOptions): boolean =>
  state.writtenMs > 0 && world.clock.now() - state.writtenMs > staleAfterMs

/** A store as the state of a task keeps it. */
export const definitionOf = (store: StoreSpec, topics: AppTopics): StoreDefinition => ({
  name: store.name,
  hasKinds: store.kind !== 'keyValue',
  changelogId: topics.id(topics.changelog(store.name)),
})

/** Where the input of tasks goes on. */
export async function inputPositions(
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

const byPartition = (offsets: readonly (TopicPartition & { offset: number })[]): ReadonlyMap<string, number> =>
  new Map(offsets.map(at => [keyOf(at), at.offset]))
