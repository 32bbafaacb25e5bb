import type { World } from '../ports.ts'
import type { Brokers } from './brokers.ts'
import type { Action, ActionKind } from './plan.ts'
import type { Progress } from './progress.ts'
import type { Replicas } from './replicas.ts'

export interface NemesisOptions {
  readonly world: World
  readonly brokers: Brokers
  readonly replicas: Replicas
  readonly replicaCount: number
  readonly progress: Progress
  readonly sessionTimeoutMs: number
  readonly say: (line: string) => void
}

/** So long may a partition stand still after something was broken, before the run has failed. */
const recoveryMostMs = 120_000
/** Processes that join for a moment. */
const guests = 3
const guestMostMs = 60_000

/** Does what the plan says, one thing after the other, and measures how long it takes until all partitions go on. */
export class Nemesis {
  kills = 0
  brokerKills = 0
  zombies = 0
  /** What was done so far. */
  actions = 0
  /**
   * By kind: how long each took, from the fault until every partition of the input was seen to go on, those of the
   * victim among them. Of faults in several steps, the longest.
   */
  readonly recoveriesMs = new Map<ActionKind, number[]>()
  readonly #options: NemesisOptions
  /** Of the last recovery, by partition. */
  #each = ''

  constructor(options: NemesisOptions) {
    this.#options = options
  }

  async act(action: Action): Promise<void> {
    const { say, replicas } = this.#options
    const before = replicas.surprises.length
    const ms = await this.#do(action)
    this.actions++
    this.recoveriesMs.set(action.kind, [...(this.recoveriesMs.get(action.kind) ?? []), ms])
    say(`${action.kind} of ${action.target}: all partitions go on after ${Math.round(ms)} ms (${this.#each})`)
    if (ms === Infinity)
      replicas.surprises.push(`a partition stood still for ${recoveryMostMs} ms after ${action.kind}`)
    for (const surprise of replicas.surprises.slice(before)) say(`SURPRISE: ${surprise}`)
    replicas.revive()
  }

  #do(action: Action): Promise<number> {
    switch (action.kind) {
      case 'kill':
        return this.#kill(action, false)
      case 'killAndDeleteState':
        return this.#kill(action, true)
      case 'zombie':
        return this.#zombie(action)
      case 'replacedZombie':
        return this.#replacedZombie(action)
      case 'brokerKill':
        return this.#endBroker(action, 'SIGKILL')
      case 'brokerRestart':
        return this.#endBroker(action, 'SIGTERM')
      case 'rollingRestart':
        return this.#rollingRestart()
      case 'storm':
        return this.#storm(action)
    }
  }

  /** It comes back after up to 4 s; the clock runs until every partition goes on, with it or without it. */
  async #kill({ target, share }: Action, deletesState: boolean): Promise<number> {
    const { replicas, world } = this.#options
    this.kills++
    const fromMs = world.clock.monotonic()
    await replicas.kill(target)
    if (deletesState) replicas.deleteState(target)
    const [ms] = await Promise.all([
      this.#recovery(fromMs),
      world.scheduler.sleep(share * 4000).then(() => void replicas.start(target)),
    ])
    return ms
  }

  /** It stands still until others have its tasks, and then goes on where it was. */
  async #zombie({ target, share }: Action): Promise<number> {
    const { replicas, world, sessionTimeoutMs } = this.#options
    this.zombies++
    const fromMs = world.clock.monotonic()
    replicas.signal(target, 'SIGSTOP')
    const [ms] = await Promise.all([
      this.#recovery(fromMs),
      world.scheduler.sleep(sessionTimeoutMs + 1000 + share * 5000),
    ])
    replicas.signal(target, 'SIGCONT')
    return Math.max(ms, await this.#recovery(world.clock.monotonic()))
  }

  /** It stands still, another process of its name takes its place within its session or after it, and it goes on. */
  async #replacedZombie({ target, share }: Action): Promise<number> {
    const { replicas, world, sessionTimeoutMs } = this.#options
    this.zombies++
    const fromMs = world.clock.monotonic()
    replicas.signal(target, 'SIGSTOP')
    await world.scheduler.sleep(share < 0.5 ? share * 2000 : sessionTimeoutMs + 1000)
    const goOn = replicas.replace(target)
    const ms = await this.#recovery(fromMs)
    await goOn()
    return Math.max(ms, await this.#recovery(world.clock.monotonic()))
  }

  async #endBroker({ target, share }: Action, signal: 'SIGKILL' | 'SIGTERM'): Promise<number> {
    const { brokers, world } = this.#options
    if (signal === 'SIGKILL') this.brokerKills++
    const fromMs = world.clock.monotonic()
    await brokers.end(target, signal)
    const restart = async (): Promise<void> => {
      await world.scheduler.sleep(share * 3000)
      await brokers.start(target)
    }
    const [ms] = await Promise.all([this.#recovery(fromMs), restart()])
    return ms
  }

  async #rollingRestart(): Promise<number> {
    const { replicas, replicaCount, world } = this.#options
    let longest = 0
    for (let index = 0; index < replicaCount; index++) {
      const fromMs = world.clock.monotonic()
      await replicas.stop(index)
      await replicas.start(index).says('running', recoveryMostMs)
      const ms = await this.#recovery(fromMs)
      longest = Math.max(longest, ms)
    }
    return longest
  }

  /** Guests come and go within a second, one of them without a word, and a replica is restarted meanwhile. */
  async #storm({ target, share }: Action): Promise<number> {
    const { replicas, replicaCount, world } = this.#options
    const fromMs = world.clock.monotonic()
    const numbers = Array.from({ length: guests }, (_, guest) => replicaCount + guest)
    await Promise.all(numbers.map(index => replicas.start(index).says('running', guestMostMs)))
    await Promise.all([
      ...numbers.map(async (index, at) => {
        await world.scheduler.sleep((at * 1000 * share) / guests)
        await (at === 1 ? replicas.kill(index) : replicas.stop(index))
      }),
      replicas.stop(target).then(() => void replicas.start(target)),
    ])
    return this.#recovery(fromMs)
  }

  async #recovery(fromMs: number): Promise<number> {
    const each = await this.#options.progress.recovery(fromMs, recoveryMostMs)
    this.#each = each.map(Math.round).join(', ')
    return Math.max(...each)
  }
}
