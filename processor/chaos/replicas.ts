import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BrokerAddress, World } from '../ports.ts'
import { ReplicaProcess } from './replica-process.ts'

export interface ReplicasOptions {
  readonly brokers: readonly BrokerAddress[]
  readonly registryUrl: string
  readonly application: string
  readonly folder: string
  readonly sessionTimeoutMs: number
  readonly commitIntervalMs: number
  readonly world: World
}

/** What SIGTERM may take. */
const stopMostMs = 10_000

/** The replicas of a run, by number; extra ones have numbers of their own. */
export class Replicas {
  /** Generations of the group, by number. */
  readonly generations = new Set<number>()
  /** Everything that should not have happened. */
  readonly surprises: string[] = []
  readonly #options: ReplicasOptions
  readonly #running = new Map<number, ReplicaProcess>()

  constructor(options: ReplicasOptions) {
    this.#options = options
    process.on('exit', () => {
      for (const replica of this.#running.values()) replica.signal('SIGKILL')
    })
  }

  start(index: number): ReplicaProcess {
    const { folder, world, brokers, registryUrl, application, commitIntervalMs, sessionTimeoutMs } = this.#options
    const name = `replica-${index}`
    const replica = new ReplicaProcess(
      {
        brokers,
        registryUrl,
        application,
        commitIntervalMs,
        sessionTimeoutMs,
        name,
        // The first has a name in the group, the others have none.
        isStatic: index === 0,
        stateFolder: join(folder, 'state'),
      },
      {
        scheduler: world.scheduler,
        logFile: join(folder, `${name}.log`),
        onReport: report => {
          if (report.kind === 'rebalanced') this.generations.add(report.generation)
        },
        onSurprise: what => this.surprises.push(what),
      },
    )
    this.#running.set(index, replica)
    return replica
  }

  signal(index: number, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#running.get(index)!.signal(signal)
  }

  async kill(index: number): Promise<void> {
    await this.#running.get(index)?.kill()
    this.#running.delete(index)
  }

  deleteState(index: number): void {
    rmSync(join(this.#options.folder, 'state', `replica-${index}`), { recursive: true, force: true })
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
  }

  /** Starts again what has ended by itself, so that the run goes on: it has failed already. */
  revive(): void {
    for (const [index, replica] of this.#running) if (replica.hasEnded) this.start(index)
  }

  get haveEnded(): boolean {
    return [...this.#running.values()].every(replica => replica.has('ended'))
  }
}
