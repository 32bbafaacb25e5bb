import { ByteWriter } from '../../schemas/bytes.ts'
import { DecodeError, NotReady } from '../../schemas/serde.ts'
import type { SubTopology } from '../../topology/compiled.ts'
import type { Failure } from '../../topology/plan.ts'
import { assert } from '../errors.ts'
import type { TaskContext } from '../operators/operator.ts'
import { FlowRecord } from '../operators/record.ts'
import { AlignedTime } from '../operators/time.ts'
import type { PartitionBuffer, PartitionOffset, World } from '../ports.ts'
import type { TaskState } from '../state/task-state.ts'
import { failureOf } from './failure.ts'
import { buildGraph, type GraphOptions, type TaskGraph } from './graph.ts'
import { nextQueue, SourceQueue } from './queue.ts'
import { counterIn, Tallies } from './tallies.ts'
import { Timers } from './timers.ts'
import type { AppTopics } from './topics.ts'

export interface TaskOptions extends Omit<GraphOptions, 'upstream'> {
  readonly part: SubTopology
  readonly partition: number
  readonly state: TaskState
  readonly topics: AppTopics
  readonly world: World
  buffer(topic: string, partition: number): PartitionBuffer
  partitionOf(key: Uint8Array, start: number, end: number, partitions: number): number
  /**
   * Takes a record that cannot be decoded, or whose processing failed when it was first tried. Throws under the policy
   * `fail`.
   */
  reject(failure: Failure, cause: unknown): void
  /** Waits until what the record needs is there, or it is time to try again. Never rejects. */
  wait(missing: NotReady): Promise<void>
  /** Why this record is not to be processed again; undefined for nearly all. */
  poison(topic: string, partition: number, offset: number): unknown
}

/** One sub-topology on one partition: the unit of work, of state and of order. */
export class Task {
  readonly id: string
  readonly part: SubTopology
  readonly partition: number
  readonly queues: readonly SourceQueue[]
  readonly tallies = new Tallies()
  readonly #options: TaskOptions
  #graph: TaskGraph
  #aligned: AlignedTime | null = null
  #timers = new Timers(-1)
  readonly #record = new FlowRecord()
  readonly #valueWriter = new ByteWriter(4096)
  #streamTime = -1
  #frozenStreamTime = -1
  #committedStreamTime = -1
  /** A fetch for something outside (a schema) is under way: nothing is taken until it is there. */
  #waiting: Promise<void> | null = null
  #hasEnded = false
  #endedFrozen = false
  #endedCommitted = false
  #committedPositions: ReadonlyMap<string, number>

  /** `positions`: the next offset of each source topic. */
  constructor(options: TaskOptions, positions: ReadonlyMap<string, number>) {
    this.#options = options
    this.#committedPositions = positions
    this.part = options.part
    this.partition = options.partition
    this.id = `${options.part.id}_${options.partition}`
    this.#graph = this.#build()
    this.queues = this.#graph.sources
      .filter(source => options.partition < options.topics.partitions(source.topic))
      .toSorted((a, b) => Number(b.isTable) - Number(a.isTable) || (a.topic < b.topic ? -1 : 1))
      .map(source => {
        const taken = counterIn(this.tallies.taken, source.topic)
        return new SourceQueue(source, options.partition, positions.get(source.topic)!, taken)
      })
  }

  get state(): TaskState {
    return this.#options.state
  }

  get streamTime(): number {
    return this.#streamTime
  }

  get aligned(): AlignedTime | null {
    return this.#aligned
  }

  /** All its inputs have ended for good, and every window is closed. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** The same, and it is committed. */
  get hasEndedCommitted(): boolean {
    return this.#endedCommitted
  }

  committedPosition(topic: string): number {
    return this.#committedPositions.get(topic) ?? 0
  }

  queue(topic: string): SourceQueue | undefined {
    return this.queues.find(queue => queue.source.topic === topic)
  }

  #build(): TaskGraph {
    const { part, topics } = this.#options
    const width = Math.max(1, ...part.repartitionInputs.map(name => topics.upstreams(name, part.id).count))
    this.#aligned = width > 1 ? new AlignedTime(width) : null
    this.#timers = new Timers(this.#streamTime)
    const upstream: GraphOptions['upstream'] = name => {
      const { count, first } = topics.upstreams(name, part.id)
      return { count, index: first + this.partition }
    }
    return buildGraph(part, this.#context(), { ...this.#options, upstream })
  }

  #context(): TaskContext {
    const { topics, world, state } = this.#options
    const { clock } = world
    return {
      partition: this.partition,
      state,
      aligned: this.#aligned,
      partitions: topic => topics.partitions(topic),
      repartitionTopic: name => topics.repartition(name),
      buffer: this.#options.buffer,
      partitionOf: this.#options.partitionOf,
      dropped: (step, reason) => counterIn(this.tallies.drops, `${step} ${reason}`),
      counter: name => counterIn(this.tallies.counters, name),
      streamTime: () => this.#currentTime(),
      monotonic: () => clock.monotonic(),
      schedule: (everyMs, kind, fn) => this.#timers.schedule(everyMs, kind, fn, clock.now()),
      valueWriter: this.#valueWriter,
    }
  }

  /** The time with the record in it that is on its way. */
  #currentTime(): number {
    const { isFlowing, sourceTimestamp } = this.#record
    return isFlowing ? Math.max(this.#streamTime, sourceTimestamp) : this.#streamTime
  }

  /** Rows that wait to be taken. */
  get waitingRecords(): number {
    let waiting = 0
    for (const queue of this.queues) waiting += queue.waiting
    return waiting
  }

  /** A fetch for something outside that holds this task up; null when it can go on. */
  get waitingFor(): Promise<void> | null {
    return this.#waiting
  }

  /** Takes up to `limit` records, each to the end of the topology. Returns how many. */
  process(limit: number): number {
    let taken = 0
    while (taken < limit && this.#waiting === null) {
      const queue = nextQueue(this.queues)
      if (queue === null) break
      if (!this.#take(queue)) break
      taken++
    }
    return taken
  }

  /** False when the record has to wait for something outside. */
  #take(queue: SourceQueue): boolean {
    const { columns, row } = queue
    const { topic } = queue.source
    const record = this.#record
    const poison = this.#options.poison(topic, this.partition, columns.offset[row]!)
    if (poison !== undefined) this.#reject(queue, 'ERR_PROCESSING', poison)
    else {
      try {
        const became = queue.source.take(record, columns, row, queue.partitionTime)
        if (became === 'record') this.#observe(queue, record.timestamp)
        else if (became === 'end') {
          this.#end(queue)
          queue.advance()
          return true
        }
      } catch (error) {
        if (error instanceof NotReady && !record.isFlowing) {
          this.#waiting = this.#options.wait(error).then(() => void (this.#waiting = null))
          return false
        }
        const place = { topic, partition: this.partition, offset: columns.offset[row]! }
        if (record.isFlowing || !(error instanceof DecodeError)) throw failureOf(error, place)
        this.#reject(queue, error.code, error)
      }
    }
    queue.taken.value++
    queue.advance()
    return true
  }

  #observe(queue: SourceQueue, timestamp: number): void {
    if (timestamp > queue.partitionTime) queue.partitionTime = timestamp
    if (timestamp > this.#streamTime) this.#streamTime = timestamp
    if (this.#timers.hasStream) this.#timers.onStreamTime(this.#streamTime)
  }

  #end(queue: SourceQueue): void {
    queue.hasEnded = true
    if (this.#hasEnded || !this.queues.every(other => other.hasEnded)) return
    this.#hasEnded = true
    // What throws now leaves effects behind.
    this.#record.isFlowing = true
    for (const operator of this.#graph.timed) operator.onEnd?.()
  }

  #reject(queue: SourceQueue, code: string, cause: unknown): void {
    const { columns, row } = queue
    const record = this.#record
    record.setOrigin(queue.source.topic, this.partition, columns, row)
    counterIn(this.tallies.rejected, code).value++
    this.#options.reject(
      {
        code,
        message: cause instanceof Error ? cause.message : String(cause),
        topic: record.topic,
        partition: record.partition,
        offset: record.offset,
        timestamp: record.recordTimestamp,
        key: record.rawKey(),
        value: record.rawValue(),
        headers: record.headers(),
      },
      cause,
    )
  }

  onWallTime(nowMs: number): void {
    if (this.#timers.hasWall) this.#timers.onWallTime(nowMs)
  }

  /** Whether there is something to say although no record came. */
  get wantsCommit(): boolean {
    return this.#graph.timed.some(operator => operator.wantsCommit === true)
  }

  /** Ends the transaction's work: what operators held back goes out, and changes of state go to the changelogs. */
  freeze(): number {
    for (const operator of this.#graph.timed) operator.onCommit?.()
    this.tallies.freeze()
    for (const queue of this.queues) queue.freeze()
    this.#frozenStreamTime = this.#streamTime
    this.#endedFrozen = this.#hasEnded
    const { state, topics, buffer } = this.#options
    return state.freeze(store => buffer(topics.changelog(store), this.partition), Math.max(0, this.#streamTime))
  }

  /** Next offsets of all its sources. */
  positions(): PartitionOffset[] {
    return this.queues.map(queue => ({ topic: queue.source.topic, partition: this.partition, offset: queue.position }))
  }

  committed(positions: readonly PartitionOffset[], nextOffset: (store: string) => number): void {
    this.state.committed(positions, nextOffset)
    this.#committedPositions = new Map(positions.map(at => [at.topic, at.offset]))
    this.#committedStreamTime = this.#frozenStreamTime
    this.#endedCommitted = this.#endedFrozen
    this.tallies.committed()
    for (const queue of this.queues) queue.committed()
  }

  /** Goes back to what was committed: state, time, counts, positions. */
  async rollback(): Promise<void> {
    await this.state.rollback()
    this.rebuild()
  }

  /** The rest of a rollback, when the state is back. */
  rebuild(): void {
    for (const operator of this.#graph.timed) operator.close?.()
    this.tallies.rollback()
    this.#streamTime = this.#committedStreamTime
    this.#record.isFlowing = false
    this.#hasEnded = this.#endedCommitted
    this.#waiting = null
    this.#graph = this.#build()
    for (const queue of this.queues) {
      const { topic } = queue.source
      queue.rewind(this.#committedPositions.get(topic)!)
      const source = this.#graph.sources.find(other => other.topic === topic)
      assert(source !== undefined, `source ${topic} of task ${this.id} is gone`)
      queue.source = source
    }
  }

  async close(): Promise<void> {
    for (const operator of this.#graph.timed) operator.close?.()
    await this.state.close()
  }
}
