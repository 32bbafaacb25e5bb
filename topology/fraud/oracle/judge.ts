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

/** What a rule sees: the payment, and the payments before it in a closed window that ends with it, newest first. */
interface Scene {
  readonly accepted: Accepted
  readonly p: Payment
  readonly month: readonly Accepted[]
  readonly within: (spanMs: number) => Accepted[]
  readonly options: OracleOptions
}

/**
 * Judges a payment from the list of what its customer did before, in order of event time (equal times in order of
 * arrival). Everything is recomputed from that list; nothing is carried over from the payment before.
 */
export function judge(accepted: Accepted, before: readonly Accepted[], options: OracleOptions): Judged {
  const p = accepted.payment
  const month: Accepted[] = []
  for (let i = before.length - 1; i >= 0; i--) {
    const t = before[i]!.payment.eventTime
    if (t < p.eventTime - 30 * day) break
    if (t <= p.eventTime) month.push(before[i]!)
  }
  const within = (spanMs: number): Accepted[] => month.filter(q => q.payment.eventTime >= p.eventTime - spanMs)
  const scene: Scene = { accepted, p, month, within, options }
  const hits = [velocity(scene), geo50km(scene), geoSpeed(scene), amount10x(scene), highAmount(scene)].filter(
    hit => hit !== null,
  )
  const points = hits.map(hit => hit.points).reduce((a, b) => a + b, 0)
  const level = points >= 800 ? 'CRITICAL' : points >= 600 ? 'HIGH' : points >= 400 ? 'MEDIUM' : 'LOW'
  return { ...accepted, level, alert: hits.length === 0 ? null : alertFor(accepted, hits, points, level, options) }
}

function velocity({ accepted, p, within }: Scene): RuleHit | null {
  const all = [accepted, ...within(2 * minute)]
  if (all.length <= 5) return null
  return {
    ...hit('velocity', 700, `${all.length} payments within 2m, more than 5`, all),
    ...over(p, 2 * minute),
    observed: all.length,
    threshold: 5,
  }
}

function geo50km({ p, within }: Scene): RuleHit | null {
  const far = within(5 * minute).filter(q => located(q.payment) && located(p) && kilometres(q.payment, p) > 50)
  if (far.length === 0) return null
  const distance = kilometres(far[0]!.payment, p)
  return {
    ...hit('geo-50km', 800, `${Math.round(distance)} km from a payment within 5m, more than 50 km`, far),
    ...over(p, 5 * minute),
    observed: distance * 1000,
    threshold: 50_000,
  }
}

function geoSpeed({ p, month }: Scene): RuleHit | null {
  const latest = month.find(q => located(q.payment))
  if (latest === undefined || !located(p)) return null
  const distance = kilometres(latest.payment, p)
  const elapsed = p.eventTime - latest.payment.eventTime
  const hours = elapsed / 3_600_000
  if (distance <= 50 || (hours > 0 && distance / hours <= 1000)) return null
  return {
    ...hit('geo-speed', 800, `${Math.round(distance)} km in ${Math.floor(elapsed / 1000)} s, faster than 1000 km/h`, [
      latest,
    ]),
    ...over(p, 30 * day),
    observed: distance * 1000,
    threshold: Math.max(50_000, hours * 1_000_000),
  }
}

function amount10x({ p, month }: Scene): RuleHit | null {
  const refused = ['DECLINED', 'FAILED', 'REVERSED', 'REFUNDED']
  let count = 0
  let sum = 0n
  for (const { payment: q } of month) {
    if (q.currency !== p.currency || refused.includes(q.status)) continue
    count++
    sum += BigInt(q.amountMinor)
  }
  if (count < 3 || BigInt(p.amountMinor) * BigInt(count) <= 10n * sum) return null
  return {
    ...hit('amount-10x', 700, `more than 10 times the mean of ${count} payments within 30d`, []),
    ...over(p, 30 * day),
    observed: p.amountMinor,
    threshold: (10 * Number(sum)) / count,
  }
}

function highAmount({ p, options }: Scene): RuleHit | null {
  const units = options.highAmountUnits ?? 1000
  const unit = unitOf(p.currency)
  if (p.amountMinor <= units * unit) return null
  return {
    ...hit('high-amount', 400, `amount above ${units} units of ${unit} minor units of ${p.currency}`, []),
    windowStart: null,
    windowEnd: null,
    observed: p.amountMinor,
    threshold: units * unit,
  }
}

const hit = (ruleId: string, points: number, reason: string, shown: readonly Accepted[]) => ({
  ruleId,
  points,
  mode: 'ACTIVE' as const,
  reason,
  evidence: shown.slice(0, 20).map(({ payment, emission }) => ({
    paymentId: payment.paymentId,
    partition: emission.partition,
    offset: emission.offset,
  })),
})

const over = (p: Payment, spanMs: number) => ({
  windowStart: p.eventTime < spanMs ? 0 : p.eventTime - spanMs,
  windowEnd: p.eventTime,
})

function alertFor(
  accepted: Accepted,
  hits: RuleHit[],
  points: number,
  level: Judged['level'],
  options: OracleOptions,
): FraudAlert {
  const {
    payment: p,
    emission: { topic, partition, offset },
  } = accepted
  const { ruleSet = 'default', ruleSetVersion = 1 } = options
  return {
    alertId: `${topic}-${partition}-${offset}@${ruleSet}:${ruleSetVersion}`,
    paymentId: p.paymentId,
    customerId: p.customerId,
    merchantId: p.merchantId,
    eventTime: p.eventTime,
    amountMinor: p.amountMinor,
    currency: p.currency,
    score: Math.min(1000, points),
    level,
    action: level === 'CRITICAL' ? 'BLOCK' : 'REVIEW',
    rulesScore: Math.min(1000, points),
    fiveFactorScore: 0,
    modelScore: null,
    points,
    hits,
    factors: { amount: 0, velocity: 0, geographic: 0, device: 0, pattern: 0 },
    reasons: hits.map(h => h.reason),
    features: [],
    attributions: [],
    ruleSet,
    ruleSetVersion,
    modelVersion: null,
    input: { topic, partition, offset },
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
