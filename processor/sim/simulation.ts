import { memoryRegistry } from '../../schemas/registry-memory.ts'
import type { Serde } from '../../schemas/serde.ts'
import type { Topic } from '../../schemas/topic.ts'
import { compile } from '../../topology/compile.ts'
import type { Compiled } from '../../topology/compiled.ts'
import { type EmbeddedBroker, embeddedBroker } from '../embedded/broker.ts'
import { silentLog } from '../world.ts'
import type { PartitionLog } from '../embedded/log.ts'
import { readCommitted } from './committed-log.ts'
import { Draws } from './draws.ts'
import { Feeder } from './input.ts'
import { Machine } from './machine.ts'
import { Network } from './network.ts'
import { Replica } from './replica.ts'
import type { Swarm } from './swarm.ts'
import { Timeline } from './timeline.ts'
import { Counts, Trace } from './trace.ts'
import { Volume } from './volume.ts'
import type { Workload } from './workload.ts'
import { makeWorkload } from './workloads/all.ts'

export const application = 'sim'

/** A cluster, replicas of the application with their disks, the network between them, and what goes in. */
export class Simulation {
  readonly timeline = new Timeline()
  readonly counts = new Counts()
  readonly trace: Trace
  readonly draws: Draws
  readonly swarm: Swarm
  readonly workload: Workload
  readonly compiled: Compiled
  readonly brokerMachine: Machine
  readonly broker: EmbeddedBroker
  readonly network: Network
  readonly feeder: Feeder
  readonly replicas: Replica[] = []
  readonly serdes: ReadonlyMap<Topic<any, any>, { readonly key: Serde<any>; readonly value: Serde<any> }>
  /** Invariants that were broken while it ran. */
  readonly violations: string[] = []
  /** Machines and disks are good ones from here on, as the network is. */
  isHealed = false
  /** Told when a replica's process is gone. */
  onEnd: (replica: Replica, how: 'stopped' | 'failed' | 'killed') => void = () => undefined
  readonly #registry: ReturnType<typeof memoryRegistry>
  readonly #committed = new Map<string, number>()

  private constructor(
    swarm: Swarm,
    draws: Draws,
    parts: { readonly workload: Workload; readonly registry: ReturnType<typeof memoryRegistry>; readonly serdes: any },
    print: ((line: string) => void) | null,
  ) {
    this.swarm = swarm
    this.draws = draws
    this.workload = parts.workload
    this.serdes = parts.serdes
    this.#registry = parts.registry
    this.trace = new Trace(this.timeline, print)
    this.compiled = compile(this.workload.topology())
    this.brokerMachine = new Machine({
      name: 'broker',
      timeline: this.timeline,
      draws: draws.fork('broker'),
      log: silentLog,
      lookMs: () => 0,
      yieldMs: 0.01,
      freezesClock: true,
    })
    this.broker = embeddedBroker({
      world: this.brokerMachine.world,
      brokers: swarm.brokers,
      defaults: { markerDelayMs: swarm.markerDelayMs, minSessionTimeoutMs: 1000, compactionBytes: 1 << 30 },
    })
    this.network = new Network({
      timeline: this.timeline,
      broker: this.broker,
      draws: draws.fork('network'),
      trace: this.trace,
      counts: this.counts,
      delayMs: swarm.delayMs,
      fetchMaxBytes: swarm.fetchMaxBytes,
      onCommitted: () => this.#checkCommitted(),
    })
    this.#createTopics()
    this.feeder = new Feeder({
      broker: this.broker,
      draws: draws.fork('feeder'),
      nowMs: () => this.brokerMachine.world.clock.now(),
      abortedShare: swarm.abortedInputShare,
      serdes: this.serdes,
    })
    for (let index = 0; index < swarm.replicas; index++) this.addReplica(`r${index}`)
  }

  static async make(swarm: Swarm, seed: number, print: ((line: string) => void) | null): Promise<Simulation> {
    const draws = new Draws(seed).fork('simulation')
    const registry = memoryRegistry()
    const { records, partitions, keys, skew, disorder } = swarm
    const options = { draws: draws.fork('workload'), records, partitions, keys, skew, disorder, registry }
    const workload = await makeWorkload(swarm.workload, options)
    const serdes = new Map<Topic<any, any>, { key: Serde<any>; value: Serde<any> }>()
    for (const topic of [...workload.inputs, ...workload.outputs]) {
      const bind = (serde: Serde<any>, part: 'key' | 'value'): Promise<Serde<any>> | Serde<any> =>
        serde.bind?.({ topic: topic.name, part, writes: true, registry }) ?? serde
      serdes.set(topic, { key: await bind(topic.key, 'key'), value: await bind(topic.value, 'value') })
    }
    return new Simulation(swarm, draws, { workload, registry, serdes }, print)
  }

  /** The disk is a new one, unless it is given. */
  addReplica(name: string, volume = this.makeVolume(name)): Replica {
    const { swarm, workload } = this
    const replica = new Replica(name, volume, {
      timeline: this.timeline,
      network: this.network,
      trace: this.trace,
      counts: this.counts,
      draws: this.draws.fork(name),
      registry: this.#registry,
      topology: () => workload.topology(),
      settings: { ...swarm.settings, guarantee: swarm.guarantee },
      application,
      requestTimeoutMs: swarm.requestTimeoutMs,
      lookMs: () => (this.isHealed ? 0.05 : swarm.lookMs),
      yieldMs: swarm.yieldMs,
      violated: what => this.violated(what),
      onEnd: (ended, how) => this.onEnd(ended, how),
    })
    this.replicas.push(replica)
    return replica
  }

  makeVolume(name: string): Volume {
    const { writeMs } = this.swarm
    const swiftMs = [0.05, 0.5] as const
    return new Volume({
      draws: this.draws.fork(`${name} disk`),
      writeMs: () => (this.isHealed ? swiftMs : writeMs),
      violated: what => this.violated(what),
      traced: (machine, what) => this.trace.add(machine.name, what),
    })
  }

  violated(what: string): void {
    this.trace.add('!!', what)
    this.violations.push(what)
  }

  #createTopics(): void {
    const { topics } = this.broker.requests
    const configs = [
      { name: 'retention.ms', value: '-1' },
      { name: 'cleanup.policy', value: 'delete' },
    ]
    for (const { name } of [...this.workload.inputs, ...this.workload.outputs]) {
      topics.create({ name, numPartitions: this.swarm.partitions, replicationFactor: 1, configs })
    }
  }

  /** Committed offsets never go back (invariant I9), but for one step to the mark that ends the input. */
  #checkCommitted(): void {
    for (const { topic, partition, offset } of this.broker.requests.groups.get(application)?.offsets.all() ?? []) {
      const at = `${topic}-${partition}`
      const before = this.#committed.get(at) ?? 0
      if (offset < before && !isEndMark(this.broker.log(topic, partition)!, offset, before))
        this.violated(`I9: the committed offset of ${at} went back from ${before} to ${offset}`)
      this.#committed.set(at, offset)
    }
  }
}

/** Whoever goes on behind the mark takes it again, and so hears of the end; no record comes again by that. */
const isEndMark = (log: PartitionLog, from: number, to: number): boolean =>
  readCommitted(log).records.every(({ key, offset }) => offset < from || offset >= to || key === null)
