import { AppError } from '../errors.ts'
import { gather } from '../observe/gather.ts'
import { noReadings, type Readings, type ThreadReading } from '../observe/readings.ts'
import type { World } from '../ports.ts'
import { arrive } from './carried-error.ts'
import { ThreadClaims } from './claims.ts'
import { CrashPolicy, type OnCrash } from './crash-policy.ts'
import type { FromThread } from './protocol.ts'
import type { Spawn, Thread } from './spawn.ts'

export interface ThreadsOptions {
  readonly threads: number
  readonly onCrash: OnCrash
  readonly world: World
  readonly spawn: Spawn
  readonly onCommitted: (seconds: number) => void
  /** A thread has ended without closing the store of this task; the process lives. */
  readonly onLeft: (task: string) => void
  /** When they are to stop and one does not, it is ended after this long. Workers leave their group in less. */
  readonly stopMostMs: number
}

/** One of the threads, and those that were in its place before. */
interface Slot {
  readonly worker: number
  thread: Thread | null
  readings: Readings
  heapBytes: number
  heardMs: number
  replacements: number
  /** What its predecessors had counted. */
  past: Readings
  /** Its last word. */
  last: 'stopped' | Error | null
}

/**
 * The threads of one process as one application: each is a worker with a membership and a producer of its own, and all
 * share the state folder. It has the face of an `App`.
 */
export class Threads {
  readonly #options: ThreadsOptions
  readonly #slots: readonly Slot[]
  readonly #claims = new ThreadClaims()
  readonly #policy: CrashPolicy
  readonly #stopping = new AbortController()
  readonly #running = Promise.withResolvers<void>()
  readonly #done = Promise.withResolvers<void>()
  #phase: 'created' | 'starting' | 'running' | 'stopped' | 'failed' = 'created'
  #failure: Error | null = null

  constructor(options: ThreadsOptions) {
    this.#options = options
    this.#policy = new CrashPolicy(options.onCrash, options.world.clock)
    this.#slots = Array.from({ length: options.threads }, (_, worker) => ({
      worker,
      thread: null,
      readings: noReadings('created'),
      heapBytes: 0,
      heardMs: 0,
      replacements: 0,
      past: noReadings('stopped'),
      last: null,
    }))
    // Nobody has to listen to these.
    this.#running.promise.catch(() => undefined)
    this.#done.promise.catch(() => undefined)
  }

  /** Starts all threads, and resolves when all of them process records. Rejects with what is in the way. */
  start(): Promise<void> {
    if (this.#phase !== 'created') throw new AppError('CONFIG', 'The threads were started before. Make others.')
    this.#phase = 'starting'
    for (const slot of this.#slots) this.#spawn(slot)
    return this.#running.promise
  }

  /** Resolves when all threads have stopped; rejects with what ended them. At once if they were never started. */
  get done(): Promise<void> {
    return this.#phase === 'created' ? Promise.resolve() : this.#done.promise
  }

  /** How the process is doing: the sum of what its threads last said of themselves. */
  read(): Readings {
    const nowMs = this.#options.world.clock.monotonic()
    const threads = this.#slots.map(
      ({ worker, thread, readings, heapBytes, heardMs, replacements }): ThreadReading => ({
        worker,
        state: readings.state,
        tasks: readings.tasks.length,
        replacements,
        heapBytes,
        silentMs: thread === null ? 0 : Math.max(0, nowMs - heardMs),
      }),
    )
    const now = this.#slots.map(({ readings }) => readings)
    const past = this.#slots.map(slot => slot.past)
    const sum = gather(now, past, threads)
    if (this.#failure !== null) return { ...sum, state: 'failed' }
    return this.#phase === 'stopped' ? { ...sum, state: 'stopped' } : sum
  }

  /** All threads commit, write their state to disk and leave the group, side by side. */
  async stop(): Promise<void> {
    if (!this.#stopping.signal.aborted) {
      this.#stopping.abort()
      for (const { thread } of this.#slots) thread?.post({ kind: 'stop' })
      void this.#endLate()
      this.#settle()
    }
    await this.done.catch(() => undefined)
  }

  #spawn(slot: Slot): void {
    slot.last = null
    slot.readings = noReadings('created')
    slot.heardMs = this.#options.world.clock.monotonic()
    slot.thread = this.#options.spawn(slot.worker, {
      onMessage: message => this.#hear(slot, message),
      onEnd: (exitCode, error) => this.#ended(slot, exitCode, error),
    })
  }

  #hear(slot: Slot, message: FromThread): void {
    slot.heardMs = this.#options.world.clock.monotonic()
    switch (message.kind) {
      case 'readings':
        slot.readings = message.readings
        slot.heapBytes = message.heapBytes
        for (const seconds of message.commitSeconds) this.#options.onCommitted(seconds)
        this.#see()
        return
      case 'take':
        slot.thread?.post({
          kind: 'taken',
          task: message.task,
          isGranted: this.#claims.take(message.task, slot.worker),
        })
        return
      case 'free':
        this.#claims.free(message.task, slot.worker)
        return
      case 'log': {
        const { level, fields, error, message: text } = message
        const at = { thread: slot.worker, ...fields, ...(error === null ? {} : { error: arrive(error) }) }
        this.#options.world.log[level](at, text)
        return
      }
      case 'stopped':
        slot.last = 'stopped'
        return
      case 'failed':
        slot.last = arrive(message.error)
    }
  }

  #see(): void {
    if (this.#phase !== 'starting' || this.#slots.some(({ readings }) => readings.state !== 'running')) return
    this.#phase = 'running'
    this.#running.resolve()
  }

  #ended(slot: Slot, exitCode: number, uncaught: Error | null): void {
    for (const task of this.#claims.freeAll(slot.worker)) this.#options.onLeft(task)
    slot.thread = null
    slot.past = gather([], [slot.past, slot.readings], [])
    slot.readings = noReadings(this.#stopping.signal.aborted ? 'stopped' : 'created')
    if (slot.last instanceof Error) this.#fail(this.#named(slot, slot.last))
    else if (slot.last === null) this.#crashed(slot, exitCode, uncaught)
    this.#settle()
  }

  /** The engine has ended the thread, and has said why: it has tried again what can be tried again. */
  #named({ worker }: Slot, error: Error): Error {
    if (!(error instanceof AppError)) return error
    return new AppError(error.code, `Thread ${worker} of ${this.#slots.length}: ${error.message}`, { cause: error })
  }

  #crashed(slot: Slot, exitCode: number, uncaught: Error | null): void {
    const { world, threads } = this.#options
    const what =
      uncaught === null
        ? `ended by itself with exit code ${exitCode}: something in it called process.exit`
        : `crashed: ${uncaught.message}`
    const line = `Thread ${slot.worker} of ${threads} ${what}.`
    const crash = (why: string): AppError =>
      new AppError('THREAD_CRASHED', `${line} ${why}`.trimEnd(), uncaught === null ? {} : { cause: uncaught })
    if (this.#stopping.signal.aborted) {
      this.#failure ??= crash('')
      return
    }
    // Before the first run nothing says that another would do better.
    if (this.#phase === 'starting') return this.#fail(crash(''))
    const pauseMs = this.#policy.pauseMs()
    if (pauseMs === null) return this.#fail(crash(this.#policy.reason))
    slot.replacements++
    world.log.error({ thread: slot.worker, pauseMs, error: crash('') }, 'a thread crashed, and is replaced')
    void world.scheduler.sleep(pauseMs, this.#stopping.signal).then(() => {
      if (!this.#stopping.signal.aborted) this.#spawn(slot)
    })
  }

  #fail(error: Error): void {
    this.#failure ??= error
    void this.stop()
  }

  /** A thread in user code that does not return hears nothing: it is ended, and with it its process. */
  async #endLate(): Promise<void> {
    const { world, stopMostMs, threads } = this.#options
    const all = new AbortController()
    void this.done.finally(() => all.abort()).catch(() => undefined)
    await world.scheduler.sleep(stopMostMs, all.signal)
    for (const slot of this.#slots) {
      if (slot.thread === null) continue
      this.#failure ??= new AppError(
        'THREAD_STUCK',
        `Thread ${slot.worker} of ${threads} did not stop within ${stopMostMs / 1000} s and was ended. ` +
          'What it had not committed is left to whoever takes over its tasks.',
      )
      slot.last = 'stopped'
      slot.thread.terminate()
    }
  }

  #settle(): void {
    if (!this.#stopping.signal.aborted || this.#slots.some(({ thread }) => thread !== null)) return
    if (this.#phase === 'stopped' || this.#phase === 'failed') return
    this.#phase = this.#failure === null ? 'stopped' : 'failed'
    if (this.#failure === null) {
      this.#running.reject(new AppError('CONFIG', 'The application was stopped.'))
      this.#done.resolve()
    } else {
      this.#running.reject(this.#failure)
      this.#done.reject(this.#failure)
    }
  }
}
