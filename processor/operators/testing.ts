import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'
import { text } from '../../schemas/serdes.ts'
import { MemoryStore } from '../state/memory.ts'
import { TaskState } from '../state/task-state.ts'
import { rowsOf, TestLog } from '../state/testing.ts'
import { type Counter, newCounter, type Operator, type TaskContext, type TimedOperator } from './operator.ts'
import { FlowRecord } from './record.ts'
import { AlignedTime } from './time.ts'

export interface Emitted {
  readonly key: unknown
  readonly value: any
  readonly timestamp: number
}

export interface RigOptions {
  /** Names of stores; a `*` in front stands for one with kinds of entries. */
  readonly stores: readonly string[]
  /** The operators of the task, the first of which takes the records. */
  readonly build: (context: TaskContext, out: Operator) => readonly TimedOperator[]
  /** Upstream partitions of a repartition topic; absent: each operator has its own time. */
  readonly upstreams?: number
  readonly key?: Serde<any>
}

/** Operators on a state of their own, without Kafka: what a task does with them, step by step. */
export class OperatorRig {
  readonly options: RigOptions
  readonly logs = new Map<string, TestLog>()
  /** Sent since the last `take`. */
  readonly out: Emitted[] = []
  readonly #drops = new Map<string, Counter>()
  readonly #timers: { fn: (timeMs: number) => void; everyMs: number; clock: string }[] = []
  readonly #record = new FlowRecord()
  #disk = new MemoryStore()
  #committedRecords = new Map<string, number>()
  #operators: readonly TimedOperator[] = []
  #streamTime = -1
  state!: TaskState
  aligned: AlignedTime | null = null

  constructor(options: RigOptions) {
    this.options = options
    for (const name of options.stores) this.logs.set(name.replace('*', ''), new TestLog())
    this.#open(true)
    this.#build()
  }

  #open(created: boolean): void {
    const definitions = this.options.stores.map(name => ({
      name: name.replace('*', ''),
      hasKinds: name.startsWith('*'),
      changelogId: name,
    }))
    const state = TaskState.open(this.#disk, created, { clusterId: 'c', application: 'a', task: '0_0' }, definitions)
    if (typeof state === 'string') throw new Error(state)
    this.state = state
  }

  #build(): void {
    const { upstreams } = this.options
    this.aligned = upstreams === undefined ? null : new AlignedTime(upstreams)
    this.#timers.length = 0
    const partition = 0
    const context: TaskContext = {
      partition,
      state: this.state,
      aligned: this.aligned,
      partitions: () => 1,
      repartitionTopic: name => name,
      buffer: topic => this.logs.get(topic) ?? new TestLog(),
      partitionOf: () => 0,
      dropped: (step, reason) => this.#counter(`${step} ${reason}`),
      counter: name => this.#counter(name),
      streamTime: () => this.#streamTime,
      monotonic: () => 0,
      schedule: (everyMs, clock, fn) => {
        this.#timers.push({ everyMs, clock, fn })
        return () => undefined
      },
      valueWriter: new ByteWriter(64),
    }
    this.#operators = this.options.build(context, { process: record => this.#emit(record) })
  }

  #emit(record: FlowRecord): void {
    this.out.push({ key: record.key as unknown, value: record.value as unknown, timestamp: record.timestamp })
  }

  #counter(name: string): Counter {
    const known = this.#drops.get(name)
    if (known !== undefined) return known
    const counter = newCounter()
    this.#drops.set(name, counter)
    return counter
  }

  /** What was counted, without what is zero. */
  get drops(): Record<string, number> {
    return Object.fromEntries(
      [...this.#drops].map(([name, { value }]) => [name, value]).filter(([, value]) => value !== 0),
    )
  }

  /** Gives a record to the operator of that index, and takes what was sent. */
  send(key: unknown, value: unknown, timestamp: number, operator = 0): Emitted[] {
    const record = this.#record
    record.setNoOrigin(0)
    record.setKey(key, this.options.key ?? text)
    record.value = value
    record.timestamp = timestamp
    if (timestamp > this.#streamTime) this.#streamTime = timestamp
    this.#operators[operator]!.process(record)
    return this.take()
  }

  take(): Emitted[] {
    return this.out.splice(0)
  }

  /** A stamp of an upstream partition: time behind the repartition topic moves. */
  stamp(upstream: number, time: number): Emitted[] {
    if (this.aligned!.mark(upstream, time)) for (const operator of this.#operators) operator.onTime?.()
    return this.take()
  }

  end(): Emitted[] {
    for (const operator of this.#operators) operator.onEnd?.()
    return this.take()
  }

  /** Commits; with `flush` what is committed goes to disk. Returns the number of changelog records. */
  async commit(options: { flush?: boolean } = {}): Promise<number> {
    for (const operator of this.#operators) operator.onCommit?.()
    const records = this.state.freeze(name => this.logs.get(name)!, 1)
    this.#committedRecords = new Map([...this.logs].map(([name, log]) => [name, log.records.length]))
    this.state.committed([], name => this.logs.get(name)!.records.length)
    if (options.flush === true) await this.state.flush(1)
    return records
  }

  /** Forgets what is on disk already, down to so many bytes. */
  evict(budgetBytes = 0): void {
    const { state } = this
    for (let round = 0; round < 20 && state.cacheBytes > budgetBytes; round++) state.evict(budgetBytes)
  }

  async rollback(): Promise<void> {
    this.#cutLogs()
    await this.state.rollback()
    this.out.length = 0
    this.#build()
  }

  /** The process dies, and another one goes on with the disk as it is, or without it. Returns the records restored. */
  async restart(from: 'disk' | 'changelog'): Promise<number> {
    this.#cutLogs()
    this.out.length = 0
    const fresh = from === 'changelog' || this.#disk.get(Buffer.from([0])) === undefined
    if (fresh) this.#disk = new MemoryStore()
    this.#open(fresh)
    let restored = 0
    for (const [name, log] of this.logs) {
      const first = this.state.nextOffset(name)
      const records = log.records.slice(first)
      restored += records.length
      if (records.length > 0) this.state.replay(name, rowsOf(records, first), first + records.length)
    }
    await this.state.replays.flush(1)
    this.#build()
    return restored
  }

  #cutLogs(): void {
    for (const [name, log] of this.logs) log.cut(this.#committedRecords.get(name) ?? 0)
  }

  /** Rows that a compacted changelog keeps, by the kind in front of their keys. */
  rowsByKind(store: string): Record<number, number> {
    const counts: Record<number, number> = {}
    for (const key of this.logs.get(store)!.compacted().keys()) {
      const kind = Number.parseInt(key.slice(0, 2), 16)
      counts[kind] = (counts[kind] ?? 0) + 1
    }
    return counts
  }
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
