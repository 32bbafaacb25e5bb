import { NotReady } from '../../schemas/serde.ts'
import { AppError, asError } from '../errors.ts'
import type { GroupMember, Producer } from '../ports.ts'
import type { Readings } from '../observe/readings.ts'
import { type TaskPlace, taskName } from './assign/places.ts'
import { rejecter } from './dead-letters.ts'
import { isFenced, isOutside, isReplayable, ProcessingError } from './failure.ts'
import { Inbox } from './inbox.ts'
import { groupOptions, Membership } from './membership.ts'
import { readTask } from './readings.ts'
import { Releases } from './releases.ts'
import { Slices } from './slices.ts'
import { Starting } from './starting.ts'
import { Storing } from './storing.ts'
import { type CloseTask, TaskSet } from './task-set.ts'
import type { Task } from './task.ts'
import { Transactions } from './transactions.ts'
import type { WorkerOptions } from './worker-options.ts'
import { transactionalIdOf } from './worker-place.ts'

/** After failures in a row the worker waits, twice as long each time up to this. */
const backoffMostMs = 5000
/** What cannot be committed by then, when the worker is stopped, is left to whoever takes over. */
const stopMostMs = 6000
const cancelMostMs = 2000

/**
 * One thread of the engine: a group member with its tasks, one fetcher, one producer, and the loop that moves records.
 * All tasks share one transaction. Tasks come and go while others run: what is new is opened beside the loop, and what
 * goes stays in the transaction until that is committed.
 */
export class Worker {
  commits = 0
  aborts = 0
  readonly #options: WorkerOptions
  readonly #producer: Producer
  readonly #tasks: TaskSet
  readonly #storing: Storing
  readonly #transactions: Transactions
  readonly #membership: Membership
  readonly #starting: Starting
  readonly #releases: Releases
  readonly #slices: Slices
  readonly #inbox: Inbox
  readonly #stopping = new AbortController()
  #member: GroupMember | null = null
  #failure: Error | null = null
  /** The producer may have a transaction open that must not be committed: it needs a new epoch. */
  #isDirty = false
  /** In a row, without a commit in between. */
  #failures = 0
  #hasEnded = false
  #isStopped = false
  /** Another process has our place. */
  #isReplaced = false

  constructor(options: WorkerOptions) {
    this.#options = options
    const { kafka, guarantee, instance, worker, compiled, topics, partitionOf, world } = options
    const id = transactionalIdOf(options)
    const isTransactional = guarantee === 'exactly_once'
    this.#producer = kafka.producer({
      transactionalId: isTransactional ? id : null,
      transactionTimeoutMs: options.transactionTimeoutMs,
      compression: options.compression,
    })
    this.#inbox = new Inbox(world.scheduler, this.#stopping.signal)
    const wake = (): void => this.#inbox.wake()
    this.#slices = new Slices(world)
    this.#storing = new Storing(options)
    this.#transactions = new Transactions({
      ...options,
      producer: this.#producer,
      storing: this.#storing,
      member: () => this.#member!,
      onCommitted: (_tasks, seconds) => this.#committed(seconds),
      onSettled: wake,
    })
    const reject = rejecter({ compiled, topics, producer: this.#producer, partitionOf })
    const [stopping, producer] = [this.#stopping.signal, this.#producer]
    const closed: CloseTask = (place, state) => this.#starting.copies.closed(place, state)
    this.#tasks = new TaskSet({ ...options, producer, reject, stopping, closed })
    this.#releases = new Releases(this.#tasks, this.#transactions, this.#storing, world.log)
    this.#membership = new Membership({
      compiled,
      topics,
      random: world.random,
      identity: { id, isTransactional },
      process: instance,
      worker,
      settings: options,
      running: () => this.#tasks.places(),
      copies: () => this.#starting.said(),
      release: places => this.#release(places),
      changed: wake,
      lost: isFinal => this.#inbox.run(done => this.#lost(isFinal, done)),
      rejoin: reason => this.#member?.rejoin(reason),
      failed: error => {
        this.#failure ??= asError(error)
        this.#inbox.wake()
      },
    })
    this.#starting = new Starting({ ...options, tasks: this.#tasks, membership: this.#membership, wake })
  }

  /** Runs until `stop`, or rejects with what ended it. */
  async run(): Promise<void> {
    const { kafka, world } = this.#options
    this.#options.onState('joining')
    try {
      // Before the group hears of this worker: whoever gets its former tasks finds nothing open.
      await this.#renew()
      if (this.#options.worker === 0) await this.#starting.copies.survey()
      this.#member = await kafka.join(groupOptions(this.#options), this.#membership)
      await this.#loop()
    } catch (error) {
      const isLeft = this.#isStopped && this.#failure === null && error instanceof AppError && isOutside(error)
      if (!isLeft) throw error
      world.log.warn({ error }, 'stopped before everything was committed: the rest is left to others')
    } finally {
      this.#stopping.abort()
      await this.#member?.leave()
      await this.#tasks.stopFetching()
      await this.#producer.close()
    }
  }

  /** What metrics are made of. */
  read(): Omit<Readings, 'state' | 'threads'> {
    const tasks = this.#tasks.open()
    return {
      commits: this.commits,
      aborts: this.aborts,
      generations: this.#membership.generations,
      restore: this.#starting.changelogs.progress,
      blocks: this.#slices.blocks,
      counts: this.#tasks.ledger.read(tasks),
      tasks: tasks.map(task => readTask(task, this.#options.topics)),
      copies: this.#starting.copies.read(),
    }
  }

  get tasks(): ReadonlyMap<string, Task> {
    return this.#tasks.byId
  }

  stop(): void {
    if (this.#stopping.signal.aborted) return
    this.#isStopped = true
    this.#stopping.abort()
    void this.#options.world.scheduler.sleep(stopMostMs, this.#inbox.closed).then(() => this.#transactions.giveUp())
  }

  /** Heartbeats go on, and so do all other tasks. */
  #release(places: readonly TaskPlace[]): Promise<void> {
    return this.#inbox.run(async done => {
      await this.#starting.cancel(places)
      if (this.#isDirty) this.#releases.whenRenewed(done)
      else this.#releases.begin(places, done)
    })
  }

  async #lost(isFinal: boolean, done: () => void): Promise<void> {
    this.#options.world.log.warn({ isFinal }, 'the group has given the tasks of this worker away: closing them')
    await this.#starting.cancel()
    await this.#closeDirty()
    this.#isReplaced = isFinal
    if (isFinal) done()
    else this.#releases.whenRenewed(done)
  }

  async #loop(): Promise<void> {
    // What is left open when a worker ends would hold readers up until the transaction times out.
    let isLeftOpen = true
    try {
      while (!this.#stopping.signal.aborted) {
        try {
          await this.#inbox.work()
          if (this.#failure !== null) throw this.#failure
          await this.#step()
        } catch (error) {
          await this.#recover(error)
        }
        await this.#options.world.scheduler.yield()
      }
      this.#options.onStep('closing')
      await this.#closeClean()
      isLeftOpen = this.#isDirty && !this.#isReplaced
    } catch (error) {
      isLeftOpen = !isFenced(error)
      throw error
    } finally {
      this.#stopping.abort()
      const late = this.#options.world.scheduler.sleep(cancelMostMs, this.#inbox.closed)
      await Promise.race([this.#starting.cancel(), late])
      await this.#closeDirty().catch(() => undefined)
      if (isLeftOpen) await Promise.race([this.#transactions.reset().catch(() => undefined), late])
      await Promise.race([this.#starting.close(), late])
      await this.#releases.settled()
      this.#inbox.close()
    }
  }

  async #step(): Promise<void> {
    if (this.#isReplaced) return this.#inbox.sleep(1000)
    if (this.#isDirty) await this.#renew()
    await this.#starting.see()
    this.#releases.see()
    const state = this.#starting.state()
    if (state !== null) this.#options.onState(state)
    if (this.#tasks.isEmpty) await this.#inbox.sleep(this.#starting.pauseMs())
    else await this.#turn()
  }

  /** One turn: take what was fetched, process a slice of each task, and see to the transaction. */
  async #turn(): Promise<void> {
    const tasks = this.#tasks.running()
    // Nothing to take, or nothing that may be taken before something else has come.
    const isIdle =
      this.#slices.taken === 0 || tasks.every(task => task.waitingRecords === 0 || task.waitingFor !== null)
    if (isIdle) await this.#tasks.fetch(Math.max(1, Math.min(100, this.#transactions.dueInMs())), this.#inbox.waking())
    else await this.#tasks.fetch(0)
    this.#storing.evict(tasks)
    if (this.#slices.run(tasks) > 0) this.#transactions.begin()
    const nowMs = this.#options.world.clock.now()
    for (const task of tasks) task.onWallTime(nowMs)
    this.#tasks.resumeDrained()
    await this.#transactions.see(this.#tasks.all())
  }

  #committed(seconds: number): void {
    this.commits++
    this.#failures = 0
    this.#tasks.forgetPoison()
    this.#options.onCommitted(seconds)
    const tasks = this.#tasks.running()
    if (this.#hasEnded || tasks.length === 0 || this.#starting.isMissing()) return
    if (!tasks.every(task => task.hasEndedCommitted)) return
    this.#hasEnded = true
    this.#options.onEnded()
  }

  /** A new epoch for the producer: what was open is aborted, and what is still on its way cannot arrive any more. */
  async #renew(): Promise<void> {
    await this.#transactions.reset(this.#stopping.signal)
    this.#isDirty = false
    this.#releases.renewed()
  }

  /** After a failure: goes on where that is safe, else throws. */
  async #recover(error: unknown): Promise<void> {
    const { compiled, world, stores } = this.#options
    if (this.#failure === null && isReplayable(error, compiled.onFailure)) return this.#replay(error)
    if (this.#failure !== null || !(error instanceof AppError) || !isOutside(error)) throw error
    if (this.#stopping.signal.aborted) return
    world.log.warn({ error }, 'the transaction failed: closing the tasks and taking up again from what is committed')
    const places = this.#tasks.places()
    this.aborts++
    await this.#closeDirty()
    if (error.code === 'STATE_CORRUPT') for (const place of places) await stores.destroy(taskName(place))
    // Whoever has the place of this worker in the group has its transactional id too, which must not be taken back.
    if (isFenced(error)) await this.#member?.confirm()
    await this.#inbox.sleep(Math.min(backoffMostMs, 50 * 2 ** this.#failures++))
  }

  /** Aborts the transaction and processes its records again: without the one that failed, or when its needs are met. */
  async #replay(error: Error): Promise<void> {
    this.#options.world.log.warn({ error }, 'a record could not be processed: its transaction is replayed')
    if (error instanceof ProcessingError) this.#tasks.poison.add(error.place!, error.cause)
    try {
      await this.#transactions.abort()
      await this.#releases.rollback()
      await this.#tasks.rollback()
    } catch (failure) {
      return this.#recover(failure)
    }
    this.aborts++
    if (error instanceof NotReady) await this.#tasks.wait(error)
  }

  /** Commits what was processed, brings it to disk, and lets go of the tasks. */
  async #closeClean(): Promise<void> {
    if (this.#isDirty || this.#tasks.isEmpty) return
    await this.#transactions.commitNow(this.#tasks.all())
    await this.#storing.flushAll(this.#tasks.all())
    await this.#tasks.close(this.#tasks.all())
  }

  /** Lets go of the tasks as they are: what is not committed is forgotten. */
  async #closeDirty(): Promise<void> {
    this.#isDirty = true
    await this.#transactions.settle().catch(() => undefined)
    await this.#storing.settle().catch(() => undefined)
    await this.#tasks.close([...this.#tasks.all(), ...this.#releases.abandon()])
  }
}
