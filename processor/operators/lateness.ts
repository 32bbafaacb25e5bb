import { noEntry, SlotStore } from '../state/slots.ts'
import type { Counter, Operator, TaskContext } from './operator.ts'
import type { FlowRecord } from './record.ts'
import { StreamTime } from './stream-time.ts'

/**
 * Parts what is late: a timestamp below stream time minus grace. The stream time is state, so a restart judges alike.
 */
export class Lateness implements Operator {
  readonly #graceMs: number
  readonly #time: StreamTime
  readonly #onTime: Operator
  readonly #late: Operator
  readonly #count: Counter

  constructor(options: { store: string; graceMs: number }, context: TaskContext, onTime: Operator, late: Operator) {
    this.#graceMs = options.graceMs
    const slots = new SlotStore(context.state, options.store, noEntry)
    this.#time = new StreamTime(slots, context.aligned, time => slots.moveTo(time))
    this.#onTime = onTime
    this.#late = late
    this.#count = context.counter('late')
  }

  process(record: FlowRecord): void {
    if (record.timestamp < this.#time.observe(record.timestamp) - this.#graceMs) {
      this.#count.value++
      this.#late.process(record)
    } else this.#onTime.process(record)
  }
}
