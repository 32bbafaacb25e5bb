import type { Payment } from '../../../schemas/payments/types.ts'

/** One record of `payments`, in the order of its partition. */
export interface Emission {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  /** The Kafka record's timestamp, milliseconds. */
  readonly recordTime: number
  /** What the value decodes to; null when it holds no payment. */
  readonly payment: Payment | null
  /** With `payment` null: the code that the record must be rejected with. */
  readonly failure?: string
  /** The value's bytes: what tells a copy from a conflict. Without them, payments are compared field by field. */
  readonly value?: Uint8Array | null
  readonly headerCount?: number
}

export interface OracleOptions {
  readonly ruleSet?: string
  readonly ruleSetVersion?: number
  /** The limit of `high-amount`. Default 1000. */
  readonly highAmountUnits?: number
  /** False leaves the figures of `analytics` out: they hold on to every payment. Default true. */
  readonly figures?: boolean
}
