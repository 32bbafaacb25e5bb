import { Buffer } from 'node:buffer'
import type { Payment } from '../../../schemas/payments/types.ts'
import type { Plan, PlanNode, Step } from '../../plan.ts'
import type { LogState } from '../../state.ts'
import type { InputRecord, ProcessorContext } from '../../process.ts'
import type { AnyWindow, Window } from '../../windows.ts'
import type { Emission } from './emission.ts'

type StepOf<Kind extends Step['kind']> = Extract<Step, { kind: Kind }>
type Sunk = { readonly key: unknown; readonly value: unknown; readonly timestamp: number; readonly partition: number }

/**
 * Runs a plan on lists in memory, for tests of what a topology means: no engine, no Kafka, nothing incremental.
 * Trailing windows are folded anew for every event, and all windows close at the end. Steps that the fraud topology
 * does not use are refused.
 */
export class Interpreter {
  /** What was written, by topic. */
  readonly written = new Map<string, Sunk[]>()
  readonly #children = new Map<number, PlanNode[]>()
  readonly #source: PlanNode
  /** By step and partition. */
  readonly #states = new Map<string, any>()
  /** By aggregate step: window results by key and start. */
  readonly #windows = new Map<
    number,
    Map<string, { key: string; startMs: number; states: unknown[]; meta: InputRecord<any, any> }>
  >()

  constructor(plan: Plan) {
    for (const node of plan.nodes) {
      for (const from of node.from) this.#children.set(from, [...(this.#children.get(from) ?? []), node])
    }
    this.#source = plan.nodes[0]!
  }

  /** Takes a record that decodes; others never come as far as a plan. */
  take(emission: Emission): void {
    const value = emission.value ?? Buffer.from(JSON.stringify(emission.payment))
    const record: InputRecord<string | null, Payment> = {
      key: emission.key,
      value: emission.payment!,
      timestamp: emission.recordTime,
      recordTimestamp: emission.recordTime,
      topic: emission.topic,
      partition: emission.partition,
      offset: emission.offset,
      rawKey: () => (emission.key === null ? null : Buffer.from(emission.key)),
      rawValue: () => Buffer.from(value),
      headers: () => Array.from({ length: emission.headerCount ?? 0 }, () => ({ name: 'h', value: null })),
    }
    this.#forward(this.#source, record)
  }

  /** Closes every window. */
  end(): void {
    for (const node of [...this.#children.values()].flat()) {
      if (node.step.kind !== 'aggregate') continue
      const { spec, window } = node.step
      for (const { key, startMs, states, meta } of this.#windows.get(node.id)?.values() ?? []) {
        const fields = Object.entries(spec).map(([name, aggregate], i) => [name, aggregate.result(states[i])])
        const value = { ...Object.fromEntries(fields), startMs, endMs: startMs + fixed(window).sizeMs }
        this.#forward(node, { ...meta, key, value })
      }
    }
  }

  #forward(from: PlanNode, record: InputRecord<any, any>, branch?: number): void {
    for (const child of this.#children.get(from.id) ?? []) {
      if (branch === undefined || (child.step.kind === 'branch' && child.step.index === branch))
        this.#process(child, record)
    }
  }

  #process(node: PlanNode, record: InputRecord<any, any>): void {
    const { step } = node
    const { key, value } = record
    switch (step.kind) {
      case 'filter':
        return step.fn(value, key, record) === step.keep ? this.#forward(node, record) : undefined
      case 'map':
        return this.#forward(node, { ...record, value: step.fn(value, key, record) })
      case 'flatMap':
        for (const item of step.fn(value, key, record)) this.#forward(node, { ...record, value: item })
        return
      case 'rekey':
        return this.#forward(node, { ...record, key: step.fn(value, key, record) })
      case 'peek':
        step.fn(value, key, record)
        return this.#forward(node, record)
      case 'split': {
        const found = step.predicates.findIndex(predicate => predicate(value, key, record))
        return this.#forward(node, record, found < 0 ? step.predicates.length : found)
      }
      case 'branch':
      case 'group':
      case 'emit':
        return this.#forward(node, record)
      case 'lateness': {
        const time = this.#state(node, record.partition, () => ({ streamTime: -1 }))
        time.streamTime = Math.max(time.streamTime, record.timestamp)
        return this.#forward(node, record, record.timestamp < time.streamTime - step.graceMs ? 1 : 0)
      }
      case 'trailing':
        return this.#trailing(node, step, record)
      case 'process':
        return this.#processor(node, step, record.partition).process(record)
      case 'aggregate':
        return this.#fold(node, step, record)
      case 'sink': {
        const { timestamp, partition } = record
        const sunk = this.written.get(step.topic.name) ?? []
        this.written.set(step.topic.name, sunk)
        sunk.push({ key, value, timestamp, partition })
        return
      }
      default:
        throw new Error(`The interpreter of tests does not know the step '${step.kind}'.`)
    }
  }

  #trailing(node: PlanNode, step: StepOf<'trailing'>, record: InputRecord<any, any>): void {
    const { key, value, timestamp } = record
    const state = this.#state(node, record.partition, () => ({ streamTime: -1, events: new Map<string, any[]>() }))
    state.streamTime = Math.max(state.streamTime, timestamp)
    const events: { at: number; event: unknown }[] = state.events.get(key) ?? []
    state.events.set(key, events)
    const own = { at: timestamp, event: step.remember(value, key, record) }
    const results: Record<string, unknown> = { event: value }
    for (const [name, { spanMs, includes, aggregate }] of Object.entries(step.spans)) {
      let accumulator = aggregate.init()
      for (const { at, event } of events) {
        if (at <= timestamp && at >= timestamp - spanMs) accumulator = aggregate.add(accumulator, event)
      }
      if (includes === 'event') accumulator = aggregate.add(accumulator, own.event)
      results[name] = aggregate.result(accumulator)
    }
    const place = events.findLastIndex(({ at }) => at <= timestamp) + 1
    events.splice(place, 0, own)
    if (timestamp >= state.streamTime - step.graceMs) this.#forward(node, { ...record, value: results })
  }

  #fold(node: PlanNode, step: StepOf<'aggregate'>, record: InputRecord<any, any>): void {
    const { sizeMs, advanceMs } = fixed(step.window)
    const windows = this.#windows.get(node.id) ?? new Map()
    this.#windows.set(node.id, windows)
    const aggregates = Object.values(step.spec)
    const { timestamp } = record
    for (let startMs = timestamp - (timestamp % advanceMs); startMs > timestamp - sizeMs; startMs -= advanceMs) {
      const id = `${startMs}@${record.key}`
      const window = windows.get(id) ?? {
        key: record.key,
        startMs,
        states: aggregates.map(a => a.init()),
        meta: record,
      }
      windows.set(id, window)
      for (const [i, aggregate] of aggregates.entries())
        window.states[i] = aggregate.add(window.states[i], record.value)
    }
  }

  #processor(
    node: PlanNode,
    step: StepOf<'process'>,
    partition: number,
  ): { process(record: InputRecord<any, any>): void } {
    return this.#state(node, partition, () => {
      let current: InputRecord<any, any> | null = null
      const stores = new Map(Object.keys(step.stores).map(name => [name, memoryLog()]))
      const instance = step.create({
        taskPartition: partition,
        store: (name => stores.get(name as string)) as ProcessorContext<any, any, any>['store'],
        forward: (key, value, timestamp) => this.#forward(node, { ...current!, key, value, timestamp }),
        schedule: () => () => {},
        streamTime: () => -1,
        counter: () => ({ value: 0 }),
      })
      return {
        process(record: InputRecord<any, any>): void {
          current = record
          instance.process(record)
        },
      }
    })
  }

  #state<T>(node: PlanNode, partition: number, create: () => T): T {
    const id = `${node.id}-${partition}`
    if (!this.#states.has(id)) this.#states.set(id, create())
    return this.#states.get(id) as T
  }
}

function memoryLog(): LogState<string, object> {
  const entries = new Map<string, { timeMs: number; value: object }[]>()
  return {
    scan(key, fromMs, toMs, visit) {
      for (const { timeMs, value } of entries.get(key) ?? [])
        if (timeMs >= fromMs && timeMs <= toMs && !visit(value, timeMs)) return
    },
    append(key, timeMs, value) {
      const own = entries.get(key) ?? []
      entries.set(key, own)
      own.push({ timeMs, value: { ...value } })
      own.sort((a, b) => a.timeMs - b.timeMs)
    },
  }
}

/** The flagship has no other windows. */
function fixed(window: AnyWindow | null): Window {
  if (window === null || !('sizeMs' in window)) throw new Error('The oracle knows tumbling and hopping windows.')
  return window
}
