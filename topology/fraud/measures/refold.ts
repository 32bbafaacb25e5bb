import type { PastPayment } from '../history.ts'
import { spansOf } from '../evaluate.ts'
import type { RuleSet } from '../rules/rule-set.ts'

/**
 * For tests of rules without an engine: what each rule measures for `payment`, after the payments before it in order of
 * arrival. Every measure is folded anew, in order of event time, which is what a trailing window means.
 */
export function measure(
  ruleSet: RuleSet,
  before: readonly PastPayment[],
  payment: PastPayment,
): Record<string, unknown> {
  const ordered = [...before].sort((a, b) => a.eventTime - b.eventTime)
  const measures: Record<string, unknown> = {}
  for (const [id, { spanMs, includes, aggregate }] of Object.entries(spansOf(ruleSet))) {
    const inside = ordered.filter(q => q.eventTime <= payment.eventTime && q.eventTime >= payment.eventTime - spanMs)
    if (includes === 'event') inside.push(payment)
    let accumulator = aggregate.init()
    for (const event of inside) accumulator = aggregate.add(accumulator, event)
    measures[id] = aggregate.result(accumulator)
  }
  return measures
}
