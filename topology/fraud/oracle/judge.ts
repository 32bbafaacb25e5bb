import type { FraudAlert, Payment, RuleHit } from '../../../schemas/payments/types.ts'
import type { Emission, OracleOptions } from './emission.ts'

const minute = 60_000
const day = 24 * 60 * minute

/** A valid payment, with its number in the order of arrival. */
export interface Accepted {
  readonly payment: Payment
  readonly emission: Emission
}

export interface Judged extends Accepted {
  readonly level: 'CRITICAL' | 'HIGH' | 'MEDIUM' | 'LOW'
  readonly alert: FraudAlert | null
}

/**
 * Judges a payment from the list of what its customer did before, in order of event time (equal times in order of arrival).
 * Everything is recomputed from that list; nothing is carried over from the payment before.
 */
export function judge(accepted: Accepted, before: readonly Accepted[], options: OracleOptions): Judged {
  const p = accepted.payment
  const within = (spanMs: number): Accepted[] => {
    const found: Accepted[] = []
    for (let i = before.length - 1; i >= 0; i--) {
      const t = before[i]!.payment.eventTime
      if (t > p.eventTime) continue
      if (t < p.eventTime - spanMs) break
      found.push(before[i]!)
    }
    return found
  }
  const hits: RuleHit[] = []
  const hit = (ruleId: string, points: number, spanMs: number, figures: [number, number], reason: string, shown: Accepted[]): void => {
    hits.push({
      ruleId, points, mode: 'ACTIVE', reason,
      windowStart: spanMs === 0 ? null : Math.max(0, p.eventTime - spanMs),
      windowEnd: spanMs === 0 ? null : p.eventTime,
      observed: figures[0],
      threshold: figures[1],
      evidence: shown.slice(0, 20).map(({ payment, emission }) =>
        ({ paymentId: payment.paymentId, partition: emission.partition, offset: emission.offset })),
    })
  }

  const lastTwoMinutes = [accepted, ...within(2 * minute)]
  if (lastTwoMinutes.length > 5) {
    hit('velocity', 700, 2 * minute, [lastTwoMinutes.length, 5], `${lastTwoMinutes.length} payments within 2m, more than 5`, lastTwoMinutes)
  }

  const far = within(5 * minute).filter(q => located(q.payment) && located(p) && kilometres(q.payment, p) > 50)
  if (far.length > 0) {
    const distance = kilometres(far[0]!.payment, p)
    hit('geo-50km', 800, 5 * minute, [distance * 1000, 50_000], `${Math.round(distance)} km from a payment within 5m, more than 50 km`, far)
  }

  const month = within(30 * day)
  const latest = month.find(q => located(q.payment))
  if (latest !== undefined && located(p)) {
    const distance = kilometres(latest.payment, p)
    const hours = (p.eventTime - latest.payment.eventTime) / 3_600_000
    if (distance > 50 && (hours === 0 || distance / hours > 1000)) {
      const seconds = Math.floor((p.eventTime - latest.payment.eventTime) / 1000)
      hit('geo-speed', 800, 30 * day, [distance * 1000, Math.max(50_000, hours * 1_000_000)],
        `${Math.round(distance)} km in ${seconds} s, faster than 1000 km/h`, [latest])
    }
  }

  const base = month.filter(q => q.payment.currency === p.currency && !['DECLINED', 'FAILED', 'REVERSED', 'REFUNDED'].includes(q.payment.status))
  let sum = 0n
  for (const q of base) sum += BigInt(q.payment.amountMinor)
  if (base.length >= 3 && BigInt(p.amountMinor) * BigInt(base.length) > 10n * sum) {
    hit('amount-10x', 700, 30 * day, [p.amountMinor, (10 * Number(sum)) / base.length],
      `more than 10 times the mean of ${base.length} payments within 30d`, [])
  }

  const units = options.highAmountUnits ?? 1000
  const unit = unitOf(p.currency)
  if (p.amountMinor > units * unit) {
    hit('high-amount', 400, 0, [p.amountMinor, units * unit], `amount above ${units} units of ${unit} minor units of ${p.currency}`, [])
  }

  const points = hits.map(h => h.points).reduce((a, b) => a + b, 0)
  const level = points >= 800 ? 'CRITICAL' : points >= 600 ? 'HIGH' : points >= 400 ? 'MEDIUM' : 'LOW'
  return { ...accepted, level, alert: hits.length === 0 ? null : alertFor(accepted, hits, points, level, options) }
}

function alertFor(accepted: Accepted, hits: RuleHit[], points: number, level: Judged['level'], options: OracleOptions): FraudAlert {
  const { payment: p, emission: { topic, partition, offset } } = accepted
  const { ruleSet = 'default', ruleSetVersion = 1 } = options
  return {
    alertId: `${topic}-${partition}-${offset}@${ruleSet}:${ruleSetVersion}`,
    paymentId: p.paymentId, customerId: p.customerId, merchantId: p.merchantId, eventTime: p.eventTime,
    amountMinor: p.amountMinor, currency: p.currency,
    score: Math.min(1000, points), level, action: level === 'CRITICAL' ? 'BLOCK' : 'REVIEW',
    rulesScore: Math.min(1000, points), fiveFactorScore: 0, modelScore: null, points, hits,
    factors: { amount: 0, velocity: 0, geographic: 0, device: 0, pattern: 0 },
    reasons: hits.map(h => h.reason), features: [], attributions: [],
    ruleSet, ruleSetVersion, modelVersion: null, input: { topic, partition, offset },
  }
}

const located = ({ geo }: Payment): boolean => geo !== null && geo.latitude !== null && geo.longitude !== null

/** Haversine with the mean radius of 6,371.0088 km. */
export function kilometres(a: Payment, b: Payment): number {
  const rad = (degrees: number): number => (degrees / 180) * Math.PI
  const [phi1, phi2] = [rad(a.geo!.latitude!), rad(b.geo!.latitude!)]
  const lambda = rad(b.geo!.longitude!) - rad(a.geo!.longitude!)
  const h = Math.sin((phi2 - phi1) / 2) ** 2 + Math.cos(phi1) * Math.cos(phi2) * Math.sin(lambda / 2) ** 2
  return 2 * 6371.0088 * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** Of the currencies that tests use; the rule set has them all. */
function unitOf(currency: string): number {
  const unit = { EUR: 100, USD: 100, PKR: 100, GBP: 100, CHF: 100, IRR: 20_000, JPY: 100, KWD: 1000 }[currency]
  if (unit === undefined) throw new Error(`The oracle has no unit for ${currency}. Add it here.`)
  return unit
}
