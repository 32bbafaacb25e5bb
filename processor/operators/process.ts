import type { Serde } from '../../schemas/serde.ts'
import type { ProcessorContext, ProcessorInstance } from '../../topology/process.ts'
import type { StateSpec } from '../../topology/state.ts'
import { AppError } from '../errors.ts'
import type { Operator, TaskContext, TimedOperator } from './operator.ts'
import { FlowRecord } from './record.ts'
import { timedFailure } from './timed-failure.ts'
import { userState } from './user-state.ts'

export interface ProcessOptions {
  readonly name: string
  readonly stores: Readonly<Record<string, StateSpec>>
  readonly create: (context: ProcessorContext<any, any, any>) => ProcessorInstance<any, any>
  /** The serde of new keys; null: the key is left as it is. */
  readonly key: Serde<any> | null
}

/** Code of the user's own, with its stores and timers. */
export class Process implements TimedOperator {
  readonly #instance: ProcessorInstance<any, any>
  readonly #out: Operator
  readonly #key: Serde<any> | null
  readonly #name: string
  readonly #next: (record: FlowRecord) => void
  /** Carries what a timer forwards: there is no record then. */
  readonly #timed = new FlowRecord()
  #current: FlowRecord | null = null

  constructor(options: ProcessOptions, context: TaskContext, out: Operator) {
    this.#out = out
    this.#key = options.key
    this.#name = options.name
    this.#next = record => out.process(record)
    this.#timed.setNoOrigin(context.partition)
    const stores = new Map(Object.entries(options.stores).map(([name, spec]) => [name, userState(spec, context)]))
    this.#instance = options.create({
      taskPartition: context.partition,
      store: name => stores.get(String(name)) as never,
      forward: (key, value, timestamp) => this.#forward(key, value, timestamp),
      schedule: (everyMs, clock, fn) =>
        context.schedule(everyMs, clock, timeMs => {
          try {
            fn(timeMs)
          } catch (error) {
            throw timedFailure(error, `the timer of '${options.name}' was called (${clock} time ${timeMs})`)
          }
        }),
      streamTime: () => context.streamTime(),
      counter: name => context.counter(name),
    })
  }

  process(record: FlowRecord): void {
    this.#current = record
    this.#instance.process(record)
    this.#current = null
  }

  #forward(key: unknown, value: unknown, timestamp: number): void {
    const record = this.#current
    if (record === null) {
      this.#forwardTimed(key, value, timestamp)
      return
    }
    const before: unknown = record.value
    const beforeMs = record.timestamp
    record.value = value
    record.timestamp = timestamp
    if (this.#key !== null) record.withKey(key, this.#key, this.#next)
    else {
      if (key !== record.key)
        throw new AppError('TOPOLOGY', `'${this.#name}' forwards a new key without a serde for it. Define its 'key'.`)
      this.#out.process(record)
    }
    record.value = before
    record.timestamp = beforeMs
    this.#current = record
  }

  #forwardTimed(key: unknown, value: unknown, timestamp: number): void {
    const serde = this.#key
    if (serde === null)
      throw new AppError(
        'TOPOLOGY',
        `A timer of '${this.#name}' forwards without a serde for the key. Define its 'key'.`,
      )
    const record = this.#timed
    record.setKey(key, serde)
    record.value = value
    record.timestamp = timestamp
    this.#out.process(record)
  }

  close(): void {
    this.#instance.close?.()
  }
}
