import { NotReady } from '../../schemas/serde.ts'
import { AppError, asError } from '../errors.ts'
import type { GroupHandlers, GroupMember, Producer } from '../ports.ts'
import type { Readings } from '../observe/readings.ts'
import { assignTasks, type TaskPlace, tasksFor } from './assign.ts'
import { rejecter } from './dead-letters.ts'
import { readTask } from './readings.ts'
import type { RestoreProgress } from './restore.ts'
import { Storing } from './storing.ts'
import { TaskSet } from './task-set.ts'
import { isMembershipLost, isOutside, isReplayable, ProcessingError } from './failure.ts'
import { taskName } from './open.ts'
import type { Task } from './task.ts'
import { Transactions } from './transactions.ts'
import type { WorkerOptions } from './worker-options.ts'

/** Records taken from one task before the next one has its turn. */
const sliceRecords = 64
/** How long records are processed before fetches, heartbeats and the commit are seen to. */
const turnMs = 10
/** After failures in a row the worker waits, twice as long each time up to this. */
const backoffMostMs = 5000

/**
 * One thread of the engine: a group member with its tasks, one fetcher, one producer, and the loop that moves records.
 */
export class Worker {
  commits = 0
  aborts = 0
  readonly #options: WorkerOptions
  readonly #producer: Producer
  readonly #tasks: TaskSet
  readonly #storing: Storing
  readonly #transactions: Transactions
  readonly #commands: (() => Promise<void>)[] = []
  readonly #stopping = new AbortController()
  #wake: () => void = () => undefined
  #member: GroupMember | null = null
  #failure: Error | null = null
  /** Tasks that are ours and not running: assigned just now, or closed after a failure. */
  #toOpen: readonly TaskPlace[] | null = null
  /** In a row, without a commit in between. */
  #failures = 0
  #hasEnded = false

  constructor(options: WorkerOptions) {
    this.#options = options
    const { kafka, guarantee, application, instance, compiled, topics, partitionOf } = options
    this.#producer = kafka.producer({
      transactionalId: guarantee === 'exactly_once' ? `${application}-${instance}-0` : null,
      transactionTimeoutMs: options.transactionTimeoutMs,
      compression: options.compression,
    })
    this.#storing = new Storing(options)
    this.#transactions = new Transactions({
      ...options,
      producer: this.#producer,
      storing: this.#storing,
      group: () => this.#member!.metadata(),
      commitOffsets: offsets => this.#member!.commit(offsets),
      onCommitted: (tasks, seconds) => this.#committed(tasks, seconds),
    })
    const reject = rejecter({ compiled, topics, producer: this.#producer, partitionOf })
    this.#tasks = new TaskSet({
      ...options,
      producer: this.#producer,
      reject,
      stopping: this.#stopping.signal,
    })
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
      await this.#tasks.stopFetching()
      await this.#producer.close()
    }
  }

  /** What metrics are made of. */
  read(): Omit<Readings, 'state'> {
    const { commits, aborts } = this
    const { restoring } = this.#tasks
    const tasks = this.#tasks.all()
    const { topics } = this.#options
    return {
      commits,
      aborts,
      restore: restoring,
      counts: this.#tasks.ledger.read(tasks),
      tasks: tasks.map(task => readTask(task, topics)),
    }
  }

  get tasks(): ReadonlyMap<string, Task> {
    return this.#tasks.byId
  }

  get restoring(): RestoreProgress {
    return this.#tasks.restoring
  }

  stop(): void {
    this.#stopping.abort()
    this.#wake()
  }

  #fail(error: unknown): void {
    this.#failure ??= asError(error)
    this.#wake()
  }

  #handlers(): GroupHandlers {
    const { compiled, topics } = this.#options
    const subscribed = [
      ...compiled.inputs.map(topic => topic.name),
      ...compiled.repartitions.map(({ name }) => topics.repartition(name)),
    ]
    return {
      subscription: () => ({ topics: subscribed, userData: null }),
      assign: members => {
        const shares = assignTasks(compiled, topics, members)
        return new Map([...shares].map(([id, partitions]) => [id, { partitions, userData: null }]))
      },
      onAssigned: partitions =>
        this.#inLoop(() => {
          this.#toOpen = tasksFor(compiled, topics, partitions)
          return this.#open()
        }),
      onRevoked: () => this.#inLoop(() => this.#letGo(() => this.#closeClean())),
      onLost: () => this.#inLoop(() => this.#letGo(() => this.#closeDirty())),
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
    try {
      while (!this.#stopping.signal.aborted) {
        try {
          for (let command = this.#commands.shift(); command !== undefined; command = this.#commands.shift())
            await command()
          if (this.#failure !== null) throw this.#failure
          if (this.#toOpen !== null) await this.#open()
          if (this.#tasks.byId.size === 0) await this.#sleep(1000)
          else await this.#turn()
        } catch (error) {
          await this.#recover(error)
        }
        await this.#options.world.scheduler.yield()
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
    const tasks = this.#tasks.all()
    const isIdle = tasks.every(task => task.waitingRecords === 0 || task.waitingFor !== null)
    const waitMs = isIdle ? Math.max(1, Math.min(100, this.#transactions.dueInMs())) : 0
    await this.#tasks.fetch(waitMs)
    if (!isIdle) this.#process(tasks)
    const nowMs = clock.now()
    for (const task of tasks) task.onWallTime(nowMs)
    this.#tasks.resumeDrained()
    this.#storing.evict(tasks)
    await this.#transactions.see(tasks)
  }

  /** A slice of each task in turn, until there is nothing more or the time is over. */
  #process(tasks: readonly Task[]): void {
    const { clock } = this.#options.world
    const endMs = clock.monotonic() + turnMs
    let taken: number
    do {
      taken = 0
      for (const task of tasks) taken += task.process(sliceRecords)
      if (taken > 0) this.#transactions.begin()
    } while (taken > 0 && clock.monotonic() < endMs)
  }

  #committed(tasks: readonly Task[], seconds: number): void {
    this.commits++
    this.#failures = 0
    this.#tasks.forgetPoison()
    this.#options.onCommitted(seconds)
    if (this.#hasEnded || tasks.length === 0 || !tasks.every(task => task.hasEndedCommitted)) return
    this.#hasEnded = true
    this.#options.onEnded()
  }

  /** Opens what is to be opened, with a producer of a new epoch if there was a failure. */
  async #open(): Promise<void> {
    const { onState, world } = this.#options
    const places = this.#toOpen!
    if (this.#failures > 0) await this.#transactions.reset()
    if (places.length === 0) {
      this.#toOpen = null
      return
    }
    onState('restoring')
    await this.#tasks.open(places)
    this.#toOpen = null
    world.log.info({ tasks: this.#tasks.byId.size, restoredRecords: this.#tasks.restoring.records }, 'running')
    onState('running')
  }

  /** After a failure: goes on where that is safe, else throws. */
  async #recover(error: unknown): Promise<void> {
    const { compiled, world } = this.#options
    if (this.#failure === null && isReplayable(error, compiled.onFailure)) return this.#replay(error)
    if (this.#failure !== null || !(error instanceof AppError) || !isOutside(error)) throw error
    world.log.warn({ error }, 'the transaction failed: closing the tasks and taking up again from what is committed')
    const places = this.#toOpen ?? this.#tasks.all().map(task => ({ part: task.part.id, partition: task.partition }))
    this.aborts++
    await this.#closeDirty()
    if (error.code === 'STATE_CORRUPT') for (const place of places) await this.#options.stores.destroy(taskName(place))
    await this.#sleep(Math.min(backoffMostMs, 50 * 2 ** this.#failures++))
    // Fenced with the membership: the group says what comes next. Else what we had is still ours.
    this.#toOpen = isMembershipLost(error) ? [] : places
  }

  /** Aborts the transaction and processes its records again: without the one that failed, or when its needs are met. */
  async #replay(error: Error): Promise<void> {
    this.#options.world.log.warn({ error }, 'a record could not be processed: its transaction is replayed')
    if (error instanceof ProcessingError) this.#tasks.poison.add(error.place!, error.cause)
    try {
      await this.#transactions.abort()
      await this.#tasks.rollback()
    } catch (failure) {
      return this.#recover(failure)
    }
    this.aborts++
    if (error instanceof NotReady) await this.#tasks.wait(error)
  }

  /** The partitions are not ours any more. */
  async #letGo(close: () => Promise<void>): Promise<void> {
    this.#toOpen = null
    await close()
  }

  /** Commits what was processed, brings it to disk, and lets go of the tasks. */
  async #closeClean(): Promise<void> {
    if (this.#tasks.byId.size === 0) return
    await this.#transactions.commitNow(this.#tasks.all())
    await this.#storing.flushAll(this.#tasks.all())
    await this.#tasks.close()
  }

  /** Lets go of the tasks as they are, when no commit needs them any more: what is not committed is forgotten. */
  async #closeDirty(): Promise<void> {
    await this.#transactions.settle().catch(() => undefined)
    await this.#storing.settle().catch(() => undefined)
    await this.#tasks.close()
  }
}
