import { partitionOf } from '../kafka/native/murmur2.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import type {
  Channel,
  Clock,
  FetchedPartition,
  Fetcher,
  Kafka,
  PartitionOffset,
  Scheduler,
  TopicPartition,
  Transport,
  World,
} from '../ports.ts'
import type { Store, Stores } from '../state-port.ts'
import { type App, type AppOptions, createApp } from '../runtime/app.ts'
import type { Step } from '../runtime/commit.ts'
import type { Harness } from './harness.ts'

/**
 * An application as a process of its own that can be killed: from then on nothing it waits for comes, nothing it sends
 * arrives, and nothing it writes is stored. The broker and the disk are what stays, as with SIGKILL.
 */
export class TestProcess {
  readonly app: App
  /** Every step of every commit so far. */
  readonly steps: Step[] = []
  readonly #died = Promise.withResolvers<void>()
  readonly #opened = new Set<Store>()
  #isDead = false

  constructor(
    harness: Harness,
    topology: { readonly plan: any },
    options: Partial<Omit<AppOptions, 'onStep'>> & {
      stores: Stores
      onStep?: (step: Step, process: TestProcess) => void
    },
  ) {
    const world: World = {
      ...harness.world,
      clock: hastyClock(harness.world.clock),
      scheduler: this.#scheduler(harness.world.scheduler),
      ...options.world,
    }
    const kafka = nativeKafka({ transport: this.#transport(harness.broker.transport()), world, clientId: 'process' })
    this.app = createApp(topology, {
      instance: 'test',
      registry: harness.registry,
      partitionOf,
      commitIntervalMs: 1,
      flushBytes: 1 << 30,
      flushAgeMs: 3_600_000,
      ...options,
      kafka: smallFetches(kafka),
      world,
      stores: this.#stores(options.stores),
      onStep: step => {
        if (this.#isDead) return
        this.steps.push(step)
        options.onStep?.(step, this)
      },
    })
  }

  /** Resolves when it was killed. */
  get died(): Promise<void> {
    return this.#died.promise
  }

  get isDead(): boolean {
    return this.#isDead
  }

  kill(): void {
    if (this.#isDead) return
    this.#isDead = true
    // The lock on a store ends with the process.
    for (const store of this.#opened) void store.close()
    this.#died.resolve()
  }

  /** Runs until the bounded input has ended or it is killed or stopped. Rejects when it fails. */
  async run(): Promise<'ended' | 'stopped' | 'killed'> {
    this.app.start().catch(() => undefined)
    const ended = this.app.ended.then(
      () => 'ended' as const,
      () => 'stopped' as const,
    )
    const died = this.died.then(() => 'killed' as const)
    const first = await Promise.race([ended, died])
    if (first === 'killed') return first
    void this.app.stop()
    return Promise.race([this.app.done.then(() => first), died])
  }

  #gate<T>(promise: Promise<T>): Promise<T> {
    if (this.#isDead) return never()
    const orNever = (): Promise<T> => (this.#isDead ? never() : promise)
    return promise.then(orNever, orNever)
  }

  #scheduler(real: Scheduler): Scheduler {
    return { sleep: (ms, signal) => this.#gate(real.sleep(ms, signal)), yield: () => this.#gate(real.yield()) }
  }

  #transport(real: Transport): Transport {
    return {
      bootstrap: real.bootstrap,
      connect: async (address, options) => {
        const channel = await this.#gate(real.connect(address, options))
        return this.#channel(channel)
      },
    }
  }

  #channel(real: Channel): Channel {
    const request = <Answer>(api: string, version: number, body: object): Promise<Answer> =>
      this.#isDead ? never() : this.#gate(real.request<Answer>(api, version, body))
    return {
      get open() {
        return real.open
      },
      request,
      close: () => real.close(),
    }
  }

  #stores(real: Stores): Stores {
    return {
      open: async task => {
        const { store, created } = await this.#gate(real.open(task))
        this.#opened.add(store)
        return { store: this.#store(store), created }
      },
      destroy: task => (this.#isDead ? never() : this.#gate(real.destroy(task))),
      tasks: () => this.#gate(real.tasks?.() ?? Promise.resolve([])),
    }
  }

  #store(real: Store): Store {
    return {
      get: key => real.get(key),
      getMany: keys => this.#gate(real.getMany(keys)),
      write: batch => (this.#isDead ? never() : this.#gate(real.write(batch))),
      range: (from, to) => real.range(from, to),
      close: () => (this.#isDead ? never() : this.#gate(real.close())),
    }
  }
}

const never = (): Promise<never> => new Promise(() => undefined)

/** Time runs ahead whenever it is looked at: a turn is over, and a commit is due, after the first few records. */
function hastyClock(real: Clock): Clock {
  let ahead = 0
  return { now: () => real.now(), monotonic: () => real.monotonic() + (ahead += 20) }
}

/** One batch of the log at a time, so that a short input takes many transactions. */
function smallFetches(kafka: Kafka): Kafka {
  return {
    capabilities: kafka.capabilities,
    connect: signal => kafka.connect(signal),
    admin: () => kafka.admin(),
    fetcher: options => new OneByOne(kafka.fetcher({ ...options, partitionMaxBytes: 1 })),
    producer: options => kafka.producer(options),
    join: (options, handlers) => kafka.join(options, handlers),
    close: () => kafka.close(),
  }
}

class OneByOne implements Fetcher {
  readonly #real: Fetcher
  #waiting: FetchedPartition[] = []

  constructor(real: Fetcher) {
    this.#real = real
  }

  assign(partitions: readonly PartitionOffset[]): void {
    this.#forget(partitions)
    this.#real.assign(partitions)
  }

  unassign(partitions: readonly TopicPartition[]): void {
    this.#forget(partitions)
    this.#real.unassign(partitions)
  }

  #forget(partitions: readonly TopicPartition[]): void {
    this.#waiting = this.#waiting.filter(
      fetched => !partitions.some(at => at.topic === fetched.topic && at.partition === fetched.partition),
    )
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#real.pause(partitions)
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#real.resume(partitions)
  }

  async poll(timeoutMs: number): Promise<FetchedPartition[]> {
    if (this.#waiting.length === 0) {
      const taken = await this.#real.poll(timeoutMs)
      this.#waiting.push(...taken)
    }
    return this.#waiting.splice(0, 1)
  }

  close(): Promise<void> {
    return this.#real.close()
  }
}
