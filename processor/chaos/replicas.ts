import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BrokerAddress, World } from '../ports.ts'
import { namedReplica } from './plan.ts'
import { ReplicaProcess } from './replica-process.ts'

export interface ReplicasOptions {
  readonly brokers: readonly BrokerAddress[]
  readonly registryUrl: string
  readonly application: string
  readonly folder: string
  readonly sessionTimeoutMs: number
  readonly standbyReplicas: number
  readonly commitIntervalMs: number
  readonly world: World
}

/** What SIGTERM may take. */
const stopMostMs = 10_000
/** After this long one that was replaced must have noticed. */
const noticeMostMs = 60_000

/** All that there are, from the first on: what comes for a moment, too, has no place that is kept for it. */
const membershipOf = (index: number): 'named' | 'numbered' | 'dynamic' =>
  index === namedReplica ? 'named' : index === namedReplica + 1 ? 'numbered' : 'dynamic'

/** The replicas of a run, by number; extra ones have numbers of their own. */
export class Replicas {
  /** Generations of the group, by number. */
  readonly generations = new Set<number>()
  /** Everything that should not have happened. */
  readonly surprises: string[] = []
  readonly #options: ReplicasOptions
  readonly #running = new Map<number, ReplicaProcess>()
  readonly #replaced = new Set<ReplicaProcess>()
  /** How often a replica has moved to another disk. */
  readonly #moves = new Map<number, number>()

  constructor(options: ReplicasOptions) {
    this.#options = options
    process.on('exit', () => {
      for (const replica of [...this.#running.values(), ...this.#replaced]) replica.signal('SIGKILL')
    })
  }

  start(index: number): ReplicaProcess {
    const { world, brokers, registryUrl, application, commitIntervalMs, sessionTimeoutMs, standbyReplicas } =
      this.#options
    const name = `replica-${index}`
    const replica = new ReplicaProcess(
      {
        brokers,
        registryUrl,
        application,
        commitIntervalMs,
        sessionTimeoutMs,
        standbyReplicas,
        name,
        membership: membershipOf(index),
        stateFolder: this.#disk(index),
      },
      {
        scheduler: world.scheduler,
        logFile: join(this.#options.folder, `${name}.log`),
        onReport: report => {
          if (report.kind === 'rebalanced') this.generations.add(report.generation)
        },
        onSurprise: what => this.surprises.push(what),
      },
    )
    this.#running.set(index, replica)
    return replica
  }

  #disk(index: number): string {
    return join(this.#options.folder, 'state', `${this.#moves.get(index) ?? 0}`)
  }

  /**
   * Starts another process of the same name on another disk, while the first one stands still. The answer has that one
   * go on: it has to end by itself.
   */
  replace(index: number): () => Promise<void> {
    const { scheduler } = this.#options.world
    const former = this.#running.get(index)!
    former.replaced()
    this.#replaced.add(former)
    this.#moves.set(index, (this.#moves.get(index) ?? 0) + 1)
    this.start(index)
    return async () => {
      former.signal('SIGCONT')
      const late = new AbortController()
      await Promise.race([former.end, scheduler.sleep(noticeMostMs, late.signal)])
      late.abort()
      if (!former.hasEnded) this.surprises.push(`replica ${index} was replaced ${noticeMostMs} ms ago and goes on`)
      this.#replaced.delete(former)
      if (!former.hasEnded) await former.kill()
    }
  }

  signal(index: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#running.get(index)!.signal(signal)
  }

  async kill(index: number): Promise<void> {
    await this.#running.get(index)?.kill()
    this.#running.delete(index)
  }

  deleteState(index: number): void {
    rmSync(join(this.#disk(index), `replica-${index}`), { recursive: true, force: true })
  }

  /** SIGTERM; more than 10 s, or another exit code than 0, is a surprise. */
  async stop(index: number): Promise<void> {
    const replica = this.#running.get(index)
    if (replica === undefined) return
    this.#running.delete(index)
    const { clock, scheduler } = this.#options.world
    const startedMs = clock.monotonic()
    replica.signal('SIGTERM')
    const late = new AbortController()
    void scheduler.sleep(stopMostMs + 20_000, late.signal).then(() => {
      if (!late.signal.aborted) replica.signal('SIGKILL')
    })
    const { code, signal } = await replica.end
    late.abort()
    const ms = Math.round(clock.monotonic() - startedMs)
    if (code !== 0) this.surprises.push(`replica ${index} ended with ${code ?? signal} ${ms} ms after SIGTERM`)
    else if (ms > stopMostMs) this.surprises.push(`replica ${index} took ${ms} ms to stop`)
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map(index => this.stop(index)))
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map(index => this.kill(index)))
    await Promise.all([...this.#replaced].map(replica => replica.kill()))
  }

  /** Starts again what has ended by itself, so that the run goes on: it has failed already. */
  revive(): void {
    for (const [index, replica] of this.#running) if (replica.hasEnded) this.start(index)
  }

  get haveEnded(): boolean {
    return [...this.#running.values()].every(replica => replica.has('ended'))
  }
}
