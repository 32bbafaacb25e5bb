import type { Payment } from '../schemas/payments/types.ts'

/** How the bytes of a record are spoiled on purpose, after encoding. */
export type Damage =
  /** The Avro body ends half way: ERR_DECODE. */
  | 'TRUNCATED'
  /** The magic byte is 1: ERR_FRAME. */
  | 'MAGIC'
  /** Three bytes, too short for a frame: ERR_FRAME. */
  | 'SHORT'
  /** A schema id that no registry has given: ERR_SCHEMA. */
  | 'SCHEMA'
  /** A null value: ERR_EMPTY. */
  | 'NULL'
  /** A value of 0 bytes: ERR_EMPTY. */
  | 'ZERO'

/** The truth about a payment, to be told later. */
export interface EmissionLabel {
  readonly fraud: boolean
  readonly scenario: string
  readonly episodeId: string
  readonly source: 'GENERATOR' | 'REPLAY'
}

/**
 * What validation must make of the record. `late` is valid too, but too late for the KPI windows (judged against the
 * stream time of its partition with a grace of 60 s).
 */
export interface Expectation {
  readonly kind: 'valid' | 'late' | 'duplicate' | 'rejected'
  /** Every code that applies, in the order of the validation table; empty unless rejected. */
  readonly codes: readonly string[]
}

/** One record to be sent to `payments`. Emissions come in sending order. */
export interface Emission {
  readonly payment: Payment
  readonly damage: Damage | null
  /** The record's key; the customer's id unless ERR_KEY is wanted. */
  readonly key: string | null
  /**
   * The record's timestamp: the virtual sending time, milliseconds since 1970. Never goes back within a feed of a
   * generator.
   */
  readonly timestamp: number
  /** Where a record without a key goes: this modulo the number of partitions. */
  readonly partitionHint: number
  readonly label: EmissionLabel | null
  /** null: not known (replay of a file). */
  readonly expect: Expectation | null
}

/** Makes emissions one after the other; pure and seeded. */
export interface PaymentSource {
  /** null at the end, and then always. */
  next(): Emission | null
}

/** Where the pump takes emissions from: a generator or a file. */
export interface Feed {
  /** For messages: `millrace, seed 7`, `payments.csv.gz as handbook`. */
  readonly name: string
  /** How many records will come, when that is known. */
  readonly total: number | null
  /** Of a file: rows left out so far, and what was wrong with the first of them. */
  readonly skipped?: { readonly rows: number; readonly first: string | null }
  /** Up to `max` emissions in sending order; none at the end. */
  pull(max: number): Promise<readonly Emission[]>
  close(): Promise<void>
}

export const valid: Expectation = { kind: 'valid', codes: [] }
export const late: Expectation = { kind: 'late', codes: [] }
export const duplicate: Expectation = { kind: 'duplicate', codes: [] }
export const rejected = (...codes: readonly string[]): Expectation => ({ kind: 'rejected', codes })

/** A feed of a generator, cut after `count` records when given. */
export function sourceFeed(name: string, source: PaymentSource, count: number | null): Feed {
  let left = count ?? Infinity
  return {
    name,
    total: count,
    pull(max) {
      const batch: Emission[] = []
      while (batch.length < max && left > 0) {
        const emission = source.next()
        if (emission === null) left = 0
        else {
          batch.push(emission)
          left--
        }
      }
      return Promise.resolve(batch)
    },
    close: () => Promise.resolve(),
  }
}
