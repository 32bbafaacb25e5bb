import { type Baseline, baseline } from '../measures/baseline.ts'
import { productExceeds } from '../money.ts'
import { type Feature, windowStart } from './feature.ts'
import type { RatioToMeanRule } from './rule-set.ts'
import { durationText } from './text.ts'

/** Whether the amount is many times the customer's mean, over payments of the same currency. */
export const ratioToMean: Feature<RatioToMeanRule, Baseline> = {
  over: rule => ({ spanMs: rule.windowMs, includes: 'prior', aggregate: baseline }),
  evaluate(rule, payment, measure) {
    const prior = measure.of(payment.currency)
    if (prior === null || prior.count < rule.atLeastPrior) return null
    // amount > times * sum / count, without the division.
    if (!productExceeds(payment.amountMinor, prior.count, rule.moreThan, prior.sumMinor)) return null
    return {
      windowStart: windowStart(payment.eventTime, rule.windowMs),
      windowEnd: payment.eventTime,
      observed: payment.amountMinor,
      threshold: (rule.moreThan * Number(prior.sumMinor)) / prior.count,
      reason:
        `more than ${rule.moreThan} times the mean of ` +
        `${prior.count} payments within ${durationText(rule.windowMs)}`,
      evidence: [],
    }
  },
}
