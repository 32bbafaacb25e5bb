import { noEntry, SlotStore } from '../state/slots.ts'
import type { Counter, Operator, TaskContext } from './operator.ts'
import type { FlowRecord } from './record.ts'

/**
 * Parts what is late: a timestamp below stream time minus grace. The stream time is state, so a restart judges alike.
 */
export class Lateness implements Operator {
  readonly #graceMs: number
  readonly #slots: SlotStore<null>
  readonly #onTime: Operator
  readonly #late: Operator
  readonly #context: TaskContext
  readonly #count: Counter

  constructor(options: { store: string; graceMs: number }, context: TaskContext, onTime: Operator, late: Operator) {
    this.#graceMs = options.graceMs
    this.#slots = new SlotStore(context.state, options.store, noEntry)
    this.#context = context
    this.#onTime = onTime
    this.#late = late
    this.#count = context.counter('late')
    this.#slots.follow(context.aligned)
  }

  process(record: FlowRecord): void {
    const { root } = this.#slots
    const time =
      this.#context.aligned === null ? Math.max(root.streamTime, record.timestamp) : this.#context.aligned.now
    if (time > root.streamTime) {
      root.streamTime = time
      this.#slots.touch()
    }
    if (record.timestamp < root.streamTime - this.#graceMs) {
      this.#count.value++
      this.#late.process(record)
    } else this.#onTime.process(record)
  }
}
