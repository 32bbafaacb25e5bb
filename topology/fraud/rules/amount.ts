import type { Feature } from './feature.ts'
import { type AmountRule, unitOf } from './rule-set.ts'

/** Whether the amount alone is high. */
export const amount: Feature<AmountRule, null> = {
  over: () => null,
  evaluate(rule, payment, _measure, ruleSet) {
    const unit = unitOf(ruleSet, payment.currency)
    const limitMinor = rule.moreThanUnits * unit
    if (payment.amountMinor <= limitMinor) return null
    return {
      windowStart: null,
      windowEnd: null,
      observed: payment.amountMinor,
      threshold: limitMinor,
      reason: `amount above ${rule.moreThanUnits} units of ${unit} minor units of ${payment.currency}`,
      evidence: [],
    }
  },
}
