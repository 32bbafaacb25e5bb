import { type EventList, events } from '../measures/events.ts'
import { type Feature, mostEvidence, windowStart } from './feature.ts'
import type { CountRule } from './rule-set.ts'
import { durationText } from './text.ts'

/** How many payments the customer made in the window that ends with this one. */
export const count: Feature<CountRule, EventList> = {
  over: rule => ({ spanMs: rule.windowMs, includes: 'event', aggregate: events }),
  evaluate(rule, payment, measure) {
    if (measure.size <= rule.moreThan) return null
    return {
      windowStart: windowStart(payment.eventTime, rule.windowMs),
      windowEnd: payment.eventTime,
      observed: measure.size,
      threshold: rule.moreThan,
      reason: `${measure.size} payments within ${durationText(rule.windowMs)}, more than ${rule.moreThan}`,
      evidence: measure.newest(mostEvidence),
    }
  },
}
