import { distanceMetres } from '../distance.ts'
import type { PastPayment } from '../history.ts'
import { latestPlace } from '../measures/latest-place.ts'
import { type Feature, windowStart } from './feature.ts'
import type { SpeedRule } from './rule-set.ts'

/**
 * Whether nobody could have come here from the latest place in the time between. Two places in one millisecond count.
 */
export const speed: Feature<SpeedRule, PastPayment | null> = {
  over: rule => ({ spanMs: rule.windowMs, includes: 'prior', aggregate: latestPlace }),
  evaluate(rule, payment, latest) {
    if (latest === null || payment.place === null) return null
    const metres = distanceMetres(latest.place!, payment.place)
    if (metres <= rule.moreThanMetres) return null
    const elapsedMs = payment.eventTime - latest.eventTime
    // metres / elapsedMs * 3600 > km/h, without the division: at one instant any distance is too far.
    if (3_600 * metres <= rule.moreThanKilometresPerHour * elapsedMs) return null
    return {
      windowStart: windowStart(payment.eventTime, rule.windowMs),
      windowEnd: payment.eventTime,
      observed: metres,
      threshold: Math.max(rule.moreThanMetres, (rule.moreThanKilometresPerHour * elapsedMs) / 3_600),
      reason:
        `${Math.round(metres / 1000)} km in ${Math.floor(elapsedMs / 1000)} s, ` +
        `faster than ${rule.moreThanKilometresPerHour} km/h`,
      evidence: [latest],
    }
  },
}
