import type { Over } from '../../aggregates.ts'
import type { PastPayment } from '../history.ts'
import type { Rule, RuleSet } from './rule-set.ts'

/** What a rule found, as it goes into an alert. */
export interface Finding {
  /** The closed window that was looked at, milliseconds; null where the payment alone decides. */
  readonly windowStart: number | null
  readonly windowEnd: number | null
  /** `observed > threshold`, both in the rule's own unit. For people: the decision itself is made exactly. */
  readonly observed: number
  readonly threshold: number
  readonly reason: string
  /** The payments that show it, newest first, at most `mostEvidence`. */
  readonly evidence: readonly PastPayment[]
}

export const mostEvidence = 20

/** What rules can ask: a measure of the customer's history, and a test of a payment against it. */
export interface Feature<R extends Rule, Measure> {
  /** What to measure over the customer's history; null where the payment alone decides. */
  over(rule: R): Over<PastPayment, any, Measure> | null
  evaluate(rule: R, payment: PastPayment, measure: Measure, ruleSet: RuleSet): Finding | null
}

/** The start of the closed window of this size that ends at `eventTime`; no window starts before 1970. */
export const windowStart = (eventTime: number, windowMs: number): number => Math.max(0, eventTime - windowMs)
