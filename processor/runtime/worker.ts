import type { Compiled } from '../../topology/compiled.ts'
import type { NotReady } from '../../schemas/serde.ts'
import type { Failure } from '../../topology/plan.ts'
import { AppError } from '../errors.ts'
import type { FetchedPartition, Fetcher, GroupHandlers, GroupMember, Kafka, Producer, Stores, World } from '../ports.ts'
import type { Readings } from '../observe/readings.ts'
import { assignTasks, type TaskPlace, tasksFor } from './assign.ts'
import type { Step } from './commit.ts'
import { rejecter } from './dead-letters.ts'
import { openTasks } from './open.ts'
import { Poison } from './poison.ts'
import { Ledger, readTask } from './readings.ts'
import type { RestoreProgress } from './restore.ts'
import { Storing } from './storing.ts'
import { ProcessingError, Task } from './task.ts'
import type { AppTopics } from './topics.ts'
import { Transactions } from './transactions.ts'

export interface WorkerOptions {
  readonly compiled: Compiled
  readonly topics: AppTopics
  readonly application: string
  readonly clusterId: string
  /** Stable over restarts: the transactional id and the static membership are named from it. */
  readonly instance: string
  readonly kafka: Kafka
  readonly stores: Stores
  readonly world: World
  readonly guarantee: 'exactly_once' | 'at_least_once'
  readonly commitIntervalMs: number
  readonly transactionTimeoutMs: number
  readonly sessionTimeoutMs: number
  /** For decoded entries of all tasks. */
  readonly cacheBytes: number
  /** Committed changes wait for the disk until a task has this many bytes of them, or for this long. */
  readonly flushBytes: number
  readonly flushAgeMs: number
  /** Sent in the middle of a transaction beyond `sendBytes`; beyond `holdBytes` processing waits for the commit under way. */
  readonly sendBytes: number
  readonly holdBytes: number
  readonly idleMs: number
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  readonly partitionOf: (key: Uint8Array, start: number, end: number, partitions: number) => number
  readonly onStep: (step: Step) => void
  readonly onState: (state: 'joining' | 'restoring' | 'running') => void
  /** Every task has come to the end of a bounded input, and it is committed. */
  readonly onEnded: () => void
  readonly onCommitted: (seconds: number) => void
}

/** Records taken from one task before others have their turn and the event loop breathes. */
const sliceRecords = 1000
/** A source partition with this many records waiting is fetched no further for now. */
const waitingMost = 20_000
/** Tombstones live for a day by default (delete.retention.ms); a store that slept half of it may have missed some. */
const staleAfterMs = 12 * 3_600_000

/** One thread of the engine: a group member with its tasks, one fetcher, one producer, and the loop that moves records. */
export class Worker {
  readonly tasks = new Map<string, Task>()
  readonly restoring: RestoreProgress
  commits = 0
  aborts = 0
  readonly #options: WorkerOptions
  readonly #producer: Producer
  readonly #fetcher: Fetcher
  readonly #storing: Storing
  readonly #transactions: Transactions
  readonly #poison = new Poison()
  readonly #ledger = new Ledger()
  readonly #reject: (failure: Failure, cause: unknown) => void
  readonly #paused = new Set<string>()
  readonly #commands: (() => Promise<void>)[] = []
  readonly #stopping = new AbortController()
  #wake: () => void = () => undefined
  #member: GroupMember | null = null
  #failure: unknown = null
  #hasEnded = false

  constructor(options: WorkerOptions) {
    this.#options = options
    const { kafka, world, guarantee, application, instance, compiled, topics, partitionOf } = options
    this.restoring = { records: 0, bytes: 0, remaining: 0, total: 0, startedMs: world.clock.monotonic() }
    this.#producer = kafka.producer({
      transactionalId: guarantee === 'exactly_once' ? `${application}-${instance}-0` : null,
      transactionTimeoutMs: options.transactionTimeoutMs,
      compression: options.compression,
    })
    this.#fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: Math.min(500, Math.max(50, options.commitIntervalMs)) })
    this.#storing = new Storing(options)
    this.#transactions = new Transactions({
      ...options,
      producer: this.#producer,
      storing: this.#storing,
      group: () => this.#member!.metadata(),
      commitOffsets: offsets => this.#member!.commit(offsets),
      onCommitted: (tasks, seconds) => this.#committed(tasks, seconds),
    })
    this.#reject = rejecter({ compiled, topics, producer: this.#producer, partitionOf })
  }

  /** Runs until `stop`, or rejects with what ended it. */
  async run(): Promise<void> {
    const { kafka, application, instance, sessionTimeoutMs, world } = this.#options
    this.#options.onState('joining')
    await this.#producer.init()
    const group = {
      groupId: application,
      instanceId: `${application}-${instance}`,
      sessionTimeoutMs,
      rebalanceTimeoutMs: 60_000,
      heartbeatIntervalMs: Math.min(3000, sessionTimeoutMs / 3),
    }
    const joining = kafka.join(group, this.#handlers()).then(
      member => {
        this.#member = member
      },
      (error: unknown) => this.#fail(error),
    )
    try {
      await this.#loop()
    } finally {
      this.#stopping.abort()
      await joining
      await this.#member?.leave().catch(error => world.log.debug({ error }, 'leaving the group failed'))
      await this.#fetcher.close()
      await this.#producer.close()
    }
  }

  /** What metrics are made of. */
  read(): Omit<Readings, 'state'> {
    const { commits, aborts, restoring } = this
    const tasks = [...this.tasks.values()]
    const { topics } = this.#options
    return { commits, aborts, restore: restoring, counts: this.#ledger.read(tasks), tasks: tasks.map(task => readTask(task, topics)) }
  }

  stop(): void {
    this.#stopping.abort()
    this.#wake()
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#wake()
  }

  #handlers(): GroupHandlers {
    const { compiled, topics } = this.#options
    const subscribed = [...compiled.inputs.map(topic => topic.name), ...compiled.repartitions.map(({ name }) => topics.repartition(name))]
    return {
      subscription: () => ({ topics: subscribed, userData: null }),
      assign: members => {
        const shares = assignTasks(compiled, topics, members)
        return new Map([...shares].map(([id, partitions]) => [id, { partitions, userData: null }]))
      },
      onAssigned: partitions => this.#inLoop(() => this.#open(tasksFor(compiled, topics, partitions))),
      onRevoked: () => this.#inLoop(() => this.#closeClean()),
      onLost: () => this.#inLoop(() => this.#closeDirty()),
      onFailed: error => this.#fail(error),
    }
  }

  /** Runs `fn` between two turns of the loop; at once when the loop has ended. */
  #inLoop(fn: () => Promise<void>): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve()
    return new Promise(resolve => {
      // A failure is the loop's to treat; the group goes on.
      this.#commands.push(() => fn().finally(resolve))
      this.#wake()
    })
  }

  async #loop(): Promise<void> {
    const { scheduler } = this.#options.world
    try {
      while (!this.#stopping.signal.aborted) {
        try {
          for (let command = this.#commands.shift(); command !== undefined; command = this.#commands.shift()) await command()
          if (this.#failure !== null) throw this.#failure
          if (this.tasks.size === 0) await this.#sleep(1000)
          else await this.#turn()
        } catch (error) {
          await this.#recover(error)
        }
        await scheduler.yield()
      }
      this.#options.onStep('closing')
      await this.#closeClean()
    } finally {
      this.#stopping.abort()
      await this.#closeDirty().catch(() => undefined)
      for (const command of this.#commands.splice(0)) await command().catch(() => undefined)
    }
  }

  /** Until `ms` have passed or something happens. */
  async #sleep(ms: number): Promise<void> {
    const woken = new AbortController()
    this.#wake = () => woken.abort()
    if (this.#commands.length === 0) await this.#options.world.scheduler.sleep(ms, woken.signal)
  }

  /** One turn: take what was fetched, process a slice of each task, and see to the transaction. */
  async #turn(): Promise<void> {
    const { clock } = this.#options.world
    const tasks = [...this.tasks.values()]
    const isIdle = tasks.every(task => task.waitingRecords === 0 || task.waitingFor !== null)
    const waitMs = isIdle ? Math.max(1, Math.min(100, this.#transactions.dueInMs())) : 0
    for (const fetched of await this.#fetcher.poll(waitMs)) this.#deliver(fetched)
    let taken = 0
    const nowMs = clock.now()
    for (const task of tasks) {
      taken += task.process(sliceRecords)
      task.onWallTime(nowMs)
    }
    if (taken > 0) this.#transactions.begin()
    if (this.#paused.size > 0) this.#resumeDrained()
    this.#storing.evict(tasks)
    await this.#transactions.see(tasks)
  }

  #deliver(fetched: FetchedPartition): void {
    for (const task of this.tasks.values()) {
      if (task.partition !== fetched.partition) continue
      const queue = task.queue(fetched.topic)
      if (queue === undefined) continue
      if (fetched.error !== null) throw fetchError(fetched, fetched.error)
      queue.push(fetched)
      if (queue.waiting <= waitingMost) return
      this.#paused.add(`${fetched.topic}-${fetched.partition}`)
      this.#fetcher.pause([fetched])
      return
    }
  }

  #resumeDrained(): void {
    for (const task of this.tasks.values()) {
      for (const queue of task.queues) {
        if (queue.waiting > waitingMost / 2) continue
        const { topic } = queue.source
        if (this.#paused.delete(`${topic}-${queue.partition}`)) this.#fetcher.resume([{ topic, partition: queue.partition }])
      }
    }
  }

  #committed(tasks: readonly Task[], seconds: number): void {
    this.commits++
    for (const task of tasks) {
      for (const queue of task.queues) this.#poison.forget(queue.source.topic, queue.partition, task.committedPosition(queue.source.topic))
    }
    this.#options.onCommitted(seconds)
    if (this.#hasEnded || tasks.length === 0 || !tasks.every(task => task.hasEndedCommitted)) return
    this.#hasEnded = true
    this.#options.onEnded()
  }

  async #open(places: readonly TaskPlace[]): Promise<void> {
    const { onState, world } = this.#options
    onState('restoring')
    this.restoring.records = 0
    this.restoring.bytes = 0
    const opened = await openTasks(places, { ...this.#options, progress: this.restoring, staleAfterMs }, this.#stopping.signal)
    for (const { place, state, positions } of opened) {
      const part = this.#options.compiled.subTopologies[place.part]!
      const task = new Task(
        {
          ...this.#options,
          part,
          partition: place.partition,
          state,
          buffer: (topic, partition) => this.#producer.buffer(topic, partition),
          reject: this.#reject,
          poison: (topic, partition, offset) => this.#poison.find(topic, partition, offset),
          wait: missing => this.#wait(missing),
        },
        positions,
      )
      this.tasks.set(task.id, task)
    }
    this.#seek()
    world.log.info({ tasks: this.tasks.size, restoredRecords: this.restoring.records }, 'running')
    onState('running')
  }

  /** Something outside is missing (a schema): asks for it, and says so while it cannot be had. */
  async #wait(missing: NotReady): Promise<void> {
    const { log, scheduler } = this.#options.world
    try {
      await missing.ready()
    } catch (error) {
      log.warn({ error, missing: missing.message }, 'waiting for something that a record needs; trying again')
      await scheduler.sleep(1000, this.#stopping.signal)
    }
  }

  /** Fetches every source from where its task stands. */
  #seek(): void {
    this.#paused.clear()
    this.#fetcher.assign(
      [...this.tasks.values()].flatMap(task => task.positions()),
    )
  }

  /** After a failure: goes on where that is safe, else throws. */
  async #recover(error: unknown): Promise<void> {
    const { compiled, world } = this.#options
    if (error instanceof ProcessingError && compiled.onFailure !== 'fail' && this.#failure === null) {
      await this.#replayWithout(error)
      return
    }
    if (this.#failure !== null || !(error instanceof AppError) || error.code === 'FENCED' || !isOutside(error)) throw error
    world.log.warn({ error }, 'the transaction failed: closing the tasks and taking up again from what is committed')
    const places = [...this.tasks.values()].map(task => ({ part: task.part.id, partition: task.partition }))
    this.aborts++
    const isDamaged = error.code === 'STATE_CORRUPT'
    await this.#closeDirty()
    if (isDamaged) for (const { part, partition } of places) await this.#options.stores.destroy(`${part}_${partition}`)
    await this.#transactions.reset()
    await this.#open(places)
  }

  /** Aborts the transaction and processes its records again, but for the one that failed. */
  async #replayWithout(error: ProcessingError): Promise<void> {
    this.#options.world.log.warn({ error }, 'a record failed: its transaction is replayed without it')
    await this.#transactions.abort()
    this.aborts++
    this.#poison.add(error.place!, error.cause)
    for (const task of this.tasks.values()) await task.rollback()
    this.#seek()
  }

  /** Commits what was processed, brings it to disk, and lets go of the tasks. */
  async #closeClean(): Promise<void> {
    if (this.tasks.size === 0) return
    await this.#transactions.commitNow([...this.tasks.values()])
    await this.#storing.flushAll(this.tasks.values())
    await this.#close()
  }

  /** Lets go of the tasks as they are: what is not committed is forgotten. */
  async #closeDirty(): Promise<void> {
    await this.#storing.settle().catch(() => undefined)
    await this.#close()
  }

  async #close(): Promise<void> {
    const tasks = [...this.tasks.values()]
    this.tasks.clear()
    this.#fetcher.unassign(tasks.flatMap(task => task.positions()))
    for (const task of tasks) this.#ledger.retire(task)
    for (const task of tasks) await task.close()
  }
}

const isOutside = (error: AppError): boolean => error.domain === 'external' && error.code !== 'OFFSET_OUT_OF_RANGE' && error.code !== 'STATE_UNREADABLE'

function fetchError(fetched: FetchedPartition, error: string): AppError {
  const place = { topic: fetched.topic, partition: fetched.partition, offset: fetched.nextOffset }
  if (error !== 'OFFSET_OUT_OF_RANGE') return new AppError('TOPIC_MISSING', `The input cannot be read any more: ${error}.`, { place })
  const message =
    `The input does not hold the committed offset (it begins at ${fetched.logStartOffset}): records were deleted before they were processed. ` +
    "Reset the group's offsets if that is what you want."
  return new AppError('OFFSET_OUT_OF_RANGE', message, { place })
}
