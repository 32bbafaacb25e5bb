import type { Payment, RejectedPayment, RejectionError } from '../../schemas/payments/types.ts'
import type { InputRecord, ProcessorContext, ProcessorInstance } from '../process.ts'
import { type PastPayment, remember } from './history.ts'
import { Seen, type seenState } from './seen.ts'
import { type Arrival, problemsOf } from './validation/checks.ts'
import { rejectedPayment, rejectedRecord } from './validation/rejected.ts'

/** What became of a record of `payments`. */
export type Intake =
  | { readonly kind: 'valid'; readonly payment: Payment; readonly past: PastPayment }
  | { readonly kind: 'rejected'; readonly rejected: RejectedPayment }
  /** The same bytes came before. */
  | { readonly kind: 'duplicate' }

export type Valid = Extract<Intake, { kind: 'valid' }>
export type Rejected = Extract<Intake, { kind: 'rejected' }>

const duplicate: Intake = { kind: 'duplicate' }

const conflict: readonly RejectionError[] = [
  {
    code: 'ERR_DUPLICATE',
    field: 'paymentId',
    message: 'This customer had another payment of this id within 25 hours.',
  },
]

/**
 * Validates and deduplicates. Records come in at ingestion time; valid payments leave at their event time, which is
 * not in the future and at most a day ago, so no record can move the clock of the windows behind.
 */
export class IntakeProcessor implements ProcessorInstance<string, Payment> {
  readonly #context: ProcessorContext<{ seen: typeof seenState }, string, Intake>
  readonly #seen: Seen
  readonly #valid: { value: number }
  readonly #rejected: { value: number }
  readonly #duplicates: { value: number }

  constructor(context: ProcessorContext<{ seen: typeof seenState }, string, Intake>) {
    this.#context = context
    this.#seen = new Seen(context.store('seen'))
    this.#valid = context.counter('valid')
    this.#rejected = context.counter('rejected')
    this.#duplicates = context.counter('duplicates')
  }

  process(record: InputRecord<string, Payment>): void {
    const payment = record.value as Payment | null
    if (payment === null) return this.#rejectEmpty(record)
    const value = record.rawValue()!
    const arrival: Arrival = {
      payment,
      value,
      key: record.key,
      headerCount: record.headers().length,
      recordTime: record.recordTimestamp,
    }
    const problems = problemsOf(arrival)
    if (problems.length > 0) return this.#reject(record, problems, arrival)
    const past = remember(payment, record)
    const { paymentId, eventTime, offset } = past
    const sighting = this.#seen.note(record.key, { paymentId, eventTime, offset, body: value })
    if (sighting === 'conflict') this.#reject(record, conflict, arrival)
    else if (sighting === 'duplicate') {
      this.#duplicates.value++
      this.#context.forward(record.key, duplicate, record.recordTimestamp)
    } else {
      this.#valid.value++
      this.#context.forward(record.key, { kind: 'valid', payment, past }, eventTime)
    }
  }

  /** A tombstone means nothing on a stream of facts. */
  #rejectEmpty(record: InputRecord<string, Payment>): void {
    const code = 'ERR_EMPTY'
    this.#rejected.value++
    this.#context.counter(`rejected.${code}`).value++
    const { topic, partition, offset, recordTimestamp: timestamp } = record
    const origin = { topic, partition, offset, timestamp, key: record.rawKey(), value: null, headers: record.headers() }
    const rejected = rejectedRecord({ ...origin, code, message: 'The record has no value.' })
    this.#context.forward(record.key, { kind: 'rejected', rejected }, timestamp)
  }

  #reject(record: InputRecord<string, Payment>, problems: readonly RejectionError[], { value }: Arrival): void {
    this.#rejected.value++
    for (const { code } of problems) this.#context.counter(`rejected.${code}`).value++
    const rejected = rejectedPayment(record.value, problems, record, value)
    this.#context.forward(record.key, { kind: 'rejected', rejected }, record.recordTimestamp)
  }
}
