import type { Registry } from '../../schemas/registry.ts'
import type { Plan } from '../../topology/plan.ts'
import { AppError, asError } from '../errors.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import type { Log } from '../ports.ts'
import { type App, createApp } from '../runtime/app.ts'
import type { Settings } from '../runtime/config.ts'
import { copyDeleted, copyReady, copyTaken } from '../runtime/copies.ts'
import type { Draws } from './draws.ts'
import { Machine } from './machine.ts'
import type { Network } from './network.ts'
import type { Timeline } from './timeline.ts'
import type { Counts, Trace } from './trace.ts'
import type { Volume } from './volume.ts'

export interface ReplicaOptions {
  readonly timeline: Timeline
  readonly network: Network
  readonly trace: Trace
  readonly counts: Counts
  readonly draws: Draws
  readonly registry: Registry
  readonly topology: () => { readonly plan: Plan }
  readonly settings: Partial<Settings>
  readonly application: string
  readonly requestTimeoutMs: number
  readonly lookMs: () => number
  readonly yieldMs: number
  /** Told of a broken invariant: an error that no fault explains. */
  readonly violated: (what: string) => void
  /** Its process is gone; a supervisor may start it again. */
  readonly onEnd: (replica: Replica, how: 'stopped' | 'failed' | 'killed') => void
}

/** Who stops for longer is killed. */
const stopMostMs = 10_000

/** Faults outside are no reason to end with one of these: the definition, the code or the data would be wrong. */
const isOurs = (error: unknown): boolean =>
  !(error instanceof AppError) || error.domain !== 'external' || error.code === 'OFFSET_OUT_OF_RANGE'

/** One replica of the application: a name, a disk, and one process after the other. */
export class Replica {
  readonly name: string
  readonly volume: Volume
  readonly #options: ReplicaOptions
  machine: Machine | null = null
  app: App | null = null
  /** A supervisor keeps it running. */
  isWanted = false
  /** It was told to stop, and may still be at it. */
  isStopping = false
  /** It is not started again, whoever asks: another one has its place, or the run is over. */
  isRetired = false
  #lives = 0
  #hasExited = false

  constructor(name: string, volume: Volume, options: ReplicaOptions) {
    this.name = name
    this.volume = volume
    this.#options = options
  }

  get isRunning(): boolean {
    return this.machine !== null && !this.machine.isDead
  }

  get isPaused(): boolean {
    return this.machine?.isPaused ?? false
  }

  start(): void {
    if (this.isRetired) return
    this.isWanted = true
    if (this.isRunning) return
    const { timeline, network, trace, counts, draws, topology, settings, application } = this.#options
    const life = ++this.#lives
    const machine = new Machine({
      name: this.name,
      timeline,
      draws: draws.fork(`${this.name} ${life}`),
      log: this.#log(),
      lookMs: this.#options.lookMs,
      yieldMs: this.#options.yieldMs,
    })
    const kafka = nativeKafka({
      transport: network.transportFor(machine),
      world: machine.world,
      clientId: this.name,
      requestTimeoutMs: this.#options.requestTimeoutMs,
    })
    const app = createApp(topology(), {
      ...settings,
      application,
      instance: this.name,
      kafka,
      registry: this.#options.registry,
      stores: this.volume.storesFor(machine),
      world: machine.world,
      partitionOf,
      onStep: step => {
        if (machine.isDead) return
        trace.add(this.name, `-- ${step}`)
        machine.crossing(`step ${step}`)
      },
    })
    this.machine = machine
    this.app = app
    this.#hasExited = false
    this.isStopping = false
    trace.add(this.name, `starts, life ${life}`)
    counts.add('starts')
    machine.onDeath(() => {
      if (this.#hasExited) return
      trace.add(this.name, 'is killed')
      this.#options.onEnd(this, 'killed')
    })
    app.start().then(
      () => this.#running(app),
      () => undefined,
    )
    app.done.then(
      () => this.#exited(machine, null, () => void kafka.close()),
      (error: unknown) => this.#exited(machine, error, () => void kafka.close()),
    )
  }

  #running(app: App): void {
    const { records } = app.read().restore
    this.#options.trace.add(this.name, `is running, ${records} records restored`)
    if (records > 0) this.#options.counts.add('restores')
  }

  #exited(machine: Machine, error: unknown, close: () => void): void {
    const { trace, counts, violated, onEnd } = this.#options
    trace.add(this.name, error === null ? 'has stopped' : `has failed: ${(error as Error).message}`)
    this.#hasExited = true
    close()
    machine.kill()
    if (error !== null) counts.add('failures')
    if (error !== null && isOurs(error)) violated(`${this.name} failed: ${asError(error).stack}`)
    onEnd(this, error === null ? 'stopped' : 'failed')
  }

  kill(): void {
    this.machine?.kill()
  }

  /** SIGTERM, and SIGKILL when that takes too long. */
  stop(): void {
    const { machine, app } = this
    this.isWanted = false
    if (machine === null || app === null || machine.isDead) return
    const { timeline, trace, counts } = this.#options
    this.isStopping = true
    trace.add(this.name, 'is told to stop')
    machine.deliver(() => void app.stop())
    timeline.after(stopMostMs, () => {
      if (machine.isDead) return
      counts.add('stops that took too long')
      machine.kill()
    })
  }

  #log(): Log {
    const { trace, counts } = this.#options
    const say = (level: string, fields: object, message: string): void => {
      if (this.machine?.isDead === true) return
      const { error } = fields as { error?: unknown }
      trace.add(this.name, `${level} ${message}${error instanceof Error ? ` (${error.message})` : ''}`)
      if (error instanceof AppError) counts.add(`recovered from ${error.code}`)
      const count = counted.get(message)
      if (count !== undefined) counts.add(count)
    }
    return {
      debug: () => undefined,
      info: (fields, message) => say('info', fields, message),
      warn: (fields, message) => say('warn', fields, message),
      error: (fields, message) => say('error', fields, message),
    }
  }
}

/** Lines of the log that are counted. */
const counted: ReadonlyMap<string, string> = new Map([
  [copyTaken, 'copies taken over'],
  [copyReady, 'copies caught up'],
  [copyDeleted, 'copies deleted'],
])
