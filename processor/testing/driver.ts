import { memoryRegistry } from '../../schemas/registry-memory.ts'
import type { Registry } from '../../schemas/registry.ts'
import type { Serde } from '../../schemas/serde.ts'
import type { Topic } from '../../schemas/topic.ts'
import { compile } from '../../topology/compile.ts'
import type { Compiled } from '../../topology/compiled.ts'
import { changelogTopic } from '../../topology/names.ts'
import type { Failure, Plan } from '../../topology/plan.ts'
import type { KeyValueSpec, LogSpec, WindowSpec } from '../../topology/state.ts'
import type { Table, WindowedTable } from '../../topology/stream.ts'
import { type Duration, durationMs } from '../../topology/windows.ts'
import { AppError } from '../errors.ts'
import type { Log, World } from '../ports.ts'
import { bindSerdes } from '../runtime/bind.ts'
import { defaultSettings } from '../runtime/config.ts'
import { silentLog } from '../world.ts'
import { DriverEngine } from './driver-engine.ts'
import { DriverInput } from './driver-input.ts'
import { logView } from './driver-user-log.ts'
import { decoded, DriverOutput } from './driver-output.ts'
import {
  findStore,
  type LogView,
  rowsOf,
  type RowsView,
  rowsView,
  type WindowsView,
  windowsView,
} from './driver-stores.ts'
import { DriverTopics, type PartitionCounts } from './driver-topics.ts'

export type { DriverInput, GivenHeader, GivenRecord, PipeOptions } from './driver-input.ts'
export type { DriverOutput, OutputRecord } from './driver-output.ts'
export type { LogView, RowsView, WindowsView } from './driver-stores.ts'
export type { PartitionCounts } from './driver-topics.ts'

export interface TestDriverOptions {
  /** Of the topics of the user: one number for all, or by name (the others then have one). Default 1. */
  readonly partitions?: PartitionCounts
  /**
   * `each-record`: every record is committed before the next one is taken. `manual`: at `commit()`, so that what
   * happens in between can be tested; until then nothing of it can be read. Default `each-record`.
   */
  readonly commit?: 'each-record' | 'manual'
  /** The wall clock at the beginning, and the clocks of inputs. Default 0: a test does not depend on its date. */
  readonly startMs?: number
  /** Default: the topology's name. Internal topics are named from it. */
  readonly application?: string
  /** Of schemas, for Avro. Default: one in memory. */
  readonly registry?: Registry
  readonly log?: Log
  /** As in the settings of an application. Default 10 000. */
  readonly idleMs?: number
}

/** A record that a step did not take, with what it has counted. */
export interface DroppedRecord {
  /** The step (by its store, topic or name). */
  readonly step: string
  /** `null-key`, `late`, `late-windows`... */
  readonly reason: string
  /** More than one where it counts windows. */
  readonly count: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: unknown
  readonly value: unknown
  readonly timestamp: number
}

/**
 * Runs a topology on topics and stores in memory, without a broker: each call is through when it returns, and the same
 * calls give the same results.
 *
 * What runs is the engine's own: its operators, tasks, stores, changelogs, commits. (Kafka Streams:
 * TopologyTestDriver, KIP-247 and KIP-470.)
 */
export class TopologyTestDriver {
  readonly #compiled: Compiled
  readonly #application: string
  readonly #topics: DriverTopics
  readonly #engine: DriverEngine
  readonly #serdes: (topic: Topic<any, any>) => { readonly key: Serde<any>; readonly value: Serde<any> }
  readonly #outputs = new Map<string, DriverOutput<any, any>>()
  readonly #options: TestDriverOptions
  #nowMs: number

  /** See `createTestDriver`. */
  constructor(
    compiled: Compiled,
    application: string,
    serdes: (topic: Topic<any, any>) => { readonly key: Serde<any>; readonly value: Serde<any> },
    options: TestDriverOptions,
  ) {
    const { partitions = 1, commit = 'each-record', startMs = 0, idleMs = defaultSettings.idleMs } = options
    this.#compiled = compiled
    this.#application = application
    this.#serdes = serdes
    this.#options = options
    this.#nowMs = startMs
    this.#topics = new DriverTopics(compiled, application, partitions)
    this.#engine = new DriverEngine({
      compiled,
      application,
      topics: this.#topics,
      world: this.#world(options.log ?? silentLog),
      idleMs,
      commitsEach: commit === 'each-record',
    })
  }

  #world(log: Log): World {
    return {
      clock: { now: () => this.#nowMs, monotonic: () => this.#nowMs },
      scheduler: { sleep: () => Promise.resolve(), yield: () => Promise.resolve() },
      random: { next: () => 0.5 },
      log,
    }
  }

  /** A topic to write to. Its clock gives records without a timestamp theirs, and moves `every` with each of them. */
  input<K, V>(
    topic: Topic<K, V>,
    clock: { readonly startMs?: number; readonly every?: Duration } = {},
  ): DriverInput<K, V> {
    this.#check(topic, this.#compiled.inputs, 'reads')
    const { startMs = this.#options.startMs ?? 0, every } = clock
    const stepMs = every === undefined ? 0 : durationMs(every, "'every' of an input")
    return new DriverInput(this.#topics.logs(topic.name), this.#serdes(topic), () => this.#engine.run(), {
      startMs,
      stepMs,
    })
  }

  /** A topic to read from: results, or dead letters. Asked for again, it goes on where it was. */
  output<K, V>(topic: Topic<K, V>): DriverOutput<K, V> {
    this.#check(topic, this.#compiled.outputs, 'writes')
    let output = this.#outputs.get(topic.name)
    if (output === undefined) {
      output = new DriverOutput<any, any>(topic.name, this.#topics.logs(topic.name), this.#serdes(topic))
      this.#outputs.set(topic.name, output)
    }
    return output
  }

  #check(topic: Topic<any, any>, known: readonly Topic<any, any>[], does: string): void {
    if (known.some(({ name }) => name === topic.name)) return
    throw new AppError(
      'CONFIG',
      `The topology ${does} no topic '${topic.name}'. It ${does} ${known.map(({ name }) => `'${name}'`).join(', ')}.`,
    )
  }

  /** What a step keeps: by the handle of a table, or by the state that a `process` step asked for. */
  store<K, V>(table: Table<K, V, any>): RowsView<K, V>
  store<K, V>(windows: WindowedTable<K, V, any>): WindowsView<K, V>
  store<K, V>(state: KeyValueSpec<K, V>): RowsView<K, V>
  store<K, V>(state: WindowSpec<K, V>): WindowsView<K, V>
  store<K, V>(state: LogSpec<K, V>): LogView<K, V>
  store(
    of:
      | Table<any, any, any>
      | WindowedTable<any, any, any>
      | KeyValueSpec<any, any>
      | WindowSpec<any, any>
      | LogSpec<any, any>,
  ): RowsView<any, any> | WindowsView<any, any> | LogView<any, any> {
    const found = findStore(this.#compiled.subTopologies, nameOf(of))
    if ('kind' in of && of.kind === 'log') return logView(of, found.part, this.#engine, this.#topics.names)
    const topic = changelogTopic(this.#application, found.name)
    const rows = () =>
      rowsOf(
        found,
        this.#topics.logs(topic).map(log => log.all()),
      )
    return found.hasSlots ? windowsView(found, rows) : rowsView(found, rows)
  }

  /** Every record, or its part in windows, that a step did not take, in order; as committed. */
  get dropped(): DroppedRecord[] {
    return this.#engine.drops.map(({ what, count, topic, partition, offset }) => {
      const space = what.lastIndexOf(' ')
      const record = this.#topics.log(topic, partition).at(offset)!
      const { key, value } = this.#sourceSerdes(topic)
      return {
        step: what.slice(0, space),
        reason: what.slice(space + 1),
        count,
        topic,
        partition,
        offset,
        key: decoded(key, record.key),
        value: decoded(value, record.value),
        timestamp: record.timestamp,
      }
    })
  }

  #sourceSerdes(topic: string): { readonly key: Serde<any>; readonly value: Serde<any> } {
    for (const { nodes } of this.#compiled.subTopologies) {
      for (const { step } of nodes) {
        if (step.kind === 'source' && step.topic.name === topic) return step.topic
        if (step.kind === 'repartitionSource' && this.#topics.names.repartition(step.repartition) === topic) return step
      }
    }
    throw new AppError('ASSERTION', `No step reads '${topic}'.`)
  }

  /** Records that could not be decoded or processed, whatever the policy did with them; as committed. */
  get rejected(): readonly Failure[] {
    return this.#engine.rejected
  }

  /** The sums of the counts that user code keeps (`context.counter`), by name. */
  get counters(): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {}
    for (const task of this.#engine.tasks) {
      for (const [name, { committed }] of task.tallies.counters) sums[name] = (sums[name] ?? 0) + committed
    }
    return sums
  }

  /** The wall clock, in milliseconds. */
  get nowMs(): number {
    return this.#nowMs
  }

  /**
   * Moves the wall clock; timers that are due are called once each. Stream time stays where it is: it moves with
   * records alone.
   */
  advanceWallClock(duration: Duration): void {
    this.#nowMs += durationMs(duration, 'The advance of the wall clock')
    this.#engine.onWallTime()
  }

  /** Ends all inputs for good: every window closes. */
  end(): void {
    for (const topic of this.#compiled.inputs) this.input(topic).end()
    if (this.#options.commit === 'manual') this.commit()
  }

  /** Commits what was processed, and whatever that brings about behind repartition topics. */
  commit(): void {
    this.#engine.commit()
  }

  /**
   * Stops after a commit, and starts again: with the state that was kept, or, by default, with what its changelogs
   * give. A driver that has failed did not commit, and reads the record that it failed at again.
   */
  restart(options: { readonly state?: 'kept' | 'lost' } = {}): void {
    if (!this.#engine.hasFailed) this.#engine.commit()
    this.#engine.restart(options.state ?? 'lost')
  }

  /** As `restart`, without the commit: what is not committed is lost, and its input is processed again. */
  crash(options: { readonly state?: 'kept' | 'lost' } = {}): void {
    this.#engine.restart(options.state ?? 'lost')
  }

  /**
   * Records may have to wait for something that cannot be had at once: a schema that the registry has and that no serde
   * has met. Resolves when they are processed.
   */
  ready(): Promise<void> {
    return this.#engine.ready()
  }
}

function nameOf(of: { readonly node: { readonly step: unknown } } | { readonly name: string }): string {
  if (!('node' in of)) return of.name
  const step = of.node.step as { kind: string; store?: string; topic?: { name: string } }
  return step.store ?? step.topic!.name
}

/**
 * Makes a driver for a topology. Schemas are registered meanwhile; after that nothing has to be waited for.
 *
 * Throws what `compile` throws, and `AppError` with CONFIG.
 */
export async function createTestDriver(
  topology: Plan | { readonly plan: Plan },
  options: TestDriverOptions = {},
): Promise<TopologyTestDriver> {
  const plain = compile(topology)
  const { registry = memoryRegistry(), application = plain.name } = options
  const compiled = await bindSerdes(plain, application, registry)
  const bound = new Map<string, { key: Serde<any>; value: Serde<any> }>()
  for (const topic of [...plain.inputs, ...plain.outputs]) {
    const bind = (part: 'key' | 'value'): Promise<Serde<any>> | Serde<any> =>
      topic[part].bind?.({ topic: topic.name, part, writes: true, registry }) ?? topic[part]
    bound.set(topic.name, { key: await bind('key'), value: await bind('value') })
  }
  return new TopologyTestDriver(compiled, application, topic => bound.get(topic.name)!, options)
}
