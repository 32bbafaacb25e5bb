import { distanceMetres } from '../distance.ts'
import type { PastPayment } from '../history.ts'
import { type EventList, locatedEvents } from '../measures/events.ts'
import { type Feature, mostEvidence, windowStart } from './feature.ts'
import type { DistanceRule } from './rule-set.ts'
import { durationText } from './text.ts'

/** Whether the customer paid far from here just before: a card that is in two places. */
export const distance: Feature<DistanceRule, EventList> = {
  over: rule => ({ spanMs: rule.windowMs, includes: 'prior', aggregate: locatedEvents }),
  evaluate(rule, payment, measure) {
    const here = payment.place
    if (here === null) return null
    let far: PastPayment[] | null = null
    let observed = 0
    for (let back = 0; back < measure.size; back++) {
      const prior = measure.fromNewest(back)
      const metres = distanceMetres(prior.place!, here)
      if (metres <= rule.moreThanMetres) continue
      if (far === null) observed = metres
      far ??= []
      far.push(prior)
      if (far.length === mostEvidence) break
    }
    if (far === null) return null
    return {
      windowStart: windowStart(payment.eventTime, rule.windowMs),
      windowEnd: payment.eventTime,
      observed,
      threshold: rule.moreThanMetres,
      reason:
        `${Math.round(observed / 1000)} km from a payment within ${durationText(rule.windowMs)}, ` +
        `more than ${rule.moreThanMetres / 1000} km`,
      evidence: far,
    }
  },
}
