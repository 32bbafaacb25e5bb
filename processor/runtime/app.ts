import type { Registry } from '../../schemas/registry.ts'
import { compile } from '../../topology/compile.ts'
import type { Compiled } from '../../topology/compiled.ts'
import { checkName } from '../../topology/names.ts'
import type { Plan } from '../../topology/plan.ts'
import { AppError } from '../errors.ts'
import { noReadings, type Readings, type StateName } from '../observe/readings.ts'
import type { Kafka, World } from '../ports.ts'
import type { Stores } from '../state-port.ts'
import { bindSerdes } from './bind.ts'
import type { Step } from './commit.ts'
import { type Settings, settingsFrom } from './config.ts'
import { prepareTopics } from './topics.ts'
import { Worker } from './worker.ts'

export interface AppOptions extends Partial<Settings> {
  /** Group id, and the beginning of all internal topics' names. Default: the topology's name. */
  readonly application?: string
  /** Stable over restarts, and different for each process of the application. */
  readonly instance: string
  /** Which worker of its process this is: each has a membership and a transactional id of its own. Default 0. */
  readonly worker?: number
  /**
   * Whether the group knows the process by that name (KIP-345): one that is killed and comes back within the session
   * timeout finds its tasks untouched, and a second one of the same name ends the first. Default true. False: a process
   * that comes back after it was killed is a new member, and waits until the session of the old one has ended.
   */
  readonly isStatic?: boolean
  readonly kafka: Kafka
  readonly registry: Registry
  readonly stores: Stores
  readonly world: World
  readonly partitionOf: (key: Uint8Array, start: number, end: number, partitions: number) => number
  /** Called at each step of a commit. For tests and traces. */
  readonly onStep?: (step: Step) => void
  readonly onCommitted?: (seconds: number) => void
}

export type AppState = StateName

/** A running topology. */
export class App {
  readonly settings: Settings
  readonly application: string
  readonly #compiled: Compiled
  readonly #options: AppOptions
  readonly #stopping = new AbortController()
  readonly #running = Promise.withResolvers<void>()
  readonly #ended = Promise.withResolvers<void>()
  #worker: Worker | null = null
  #taskCount: number | null = null
  #done: Promise<void> | null = null
  #state: AppState = 'created'

  constructor(topology: Plan | { readonly plan: Plan }, options: AppOptions) {
    this.settings = settingsFrom(options)
    this.#compiled = compile(topology)
    this.application = options.application ?? this.#compiled.name
    checkName(this.application, 'The application')
    this.#options = options
    if (this.settings.guarantee === 'exactly_once' && !options.kafka.capabilities.exactlyOnce) {
      throw new AppError(
        'CAPABILITY',
        "This Kafka client cannot do exactly_once. Use the native client, or guarantee: 'at_least_once'.",
      )
    }
    // Nobody has to listen to these.
    this.#running.promise.catch(() => undefined)
    this.#ended.promise.catch(() => undefined)
  }

  get state(): AppState {
    return this.#state
  }

  get compiled(): Compiled {
    return this.#compiled
  }

  /** The thread that runs the tasks; null before it starts. */
  get worker(): Worker | null {
    return this.#worker
  }

  /**
   * Resolves when every task of a bounded input has come to its end and that is committed; rejects when the application
   * fails before.
   */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** Tasks of the application, wherever they run; null before it knows its topics. */
  get taskCount(): number | null {
    return this.#taskCount
  }

  /** How it is doing: what metrics, health and the summary are made of. */
  read(): Readings {
    return { ...noReadings(this.#state), ...this.#worker?.read() }
  }

  /** Starts, and resolves when records are being processed. Rejects with what is in the way. */
  start(): Promise<void> {
    if (this.#done !== null) throw new AppError('CONFIG', 'The application was started before. Make another one.')
    this.#done = this.#run()
    this.#done.catch(() => undefined)
    return this.#running.promise
  }

  /** Resolves when the application has stopped; rejects with what ended it. */
  get done(): Promise<void> {
    return this.#done ?? Promise.resolve()
  }

  /** Commits what was processed, writes state to disk, leaves the group, and resolves. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#worker?.stop()
    await this.#done?.catch(() => undefined)
  }

  async #run(): Promise<void> {
    try {
      this.#state = 'connecting'
      const worker = await this.#prepare()
      if (!this.#stopping.signal.aborted) {
        this.#worker = worker
        await worker.run()
      }
      this.#state = 'stopped'
      const stopped = new AppError('CONFIG', 'The application was stopped.')
      this.#running.reject(stopped)
      this.#ended.reject(stopped)
    } catch (error) {
      this.#state = 'failed'
      this.#running.reject(error)
      this.#ended.reject(error)
      throw error
    }
  }

  async #prepare(): Promise<Worker> {
    const { kafka, registry, onStep, onCommitted } = this.#options
    await kafka.connect(this.#stopping.signal)
    const admin = kafka.admin()
    const { clusterId } = await admin.describeCluster()
    const topics = await prepareTopics(this.#compiled, this.application, admin)
    this.#taskCount = topics.tasks.reduce((sum, count) => sum + count, 0)
    const compiled = await bindSerdes(this.#compiled, this.application, registry)
    return new Worker({
      ...this.#options,
      ...this.settings,
      isStatic: this.#options.isStatic ?? true,
      worker: this.#options.worker ?? 0,
      compiled,
      topics,
      clusterId,
      application: this.application,
      onStep: onStep ?? (() => undefined),
      onCommitted: onCommitted ?? (() => undefined),
      onEnded: () => this.#ended.resolve(),
      onState: state => {
        this.#state = state
        if (state === 'running') this.#running.resolve()
      },
    })
  }
}

/** Checks the topology and the settings, and makes an application of them. Nothing runs before `start`. */
export const createApp = (topology: Plan | { readonly plan: Plan }, options: AppOptions): App =>
  new App(topology, options)
