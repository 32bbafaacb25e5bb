import type { FraudAlert, RiskFactors } from '../../schemas/payments/types.ts'
import type { Evaluated } from './evaluate.ts'
import type { RuleSet } from './rules/rule-set.ts'

/** The five factors are not computed yet: they are zero, and so is their score. */
const noFactors: RiskFactors = { amount: 0, velocity: 0, geographic: 0, device: 0, pattern: 0 }

/** The one alert of a payment. A function of rule set, payment and history only: a replay gives the same bytes. */
export function alertOf(evaluated: Evaluated, topic: string, ruleSet: RuleSet): FraudAlert {
  const { payment, past, hits, score, level, points } = evaluated
  return {
    alertId: `${topic}-${past.partition}-${past.offset}@${ruleSet.name}:${ruleSet.version}`,
    paymentId: past.paymentId,
    customerId: payment.customerId,
    merchantId: payment.merchantId,
    eventTime: past.eventTime,
    amountMinor: past.amountMinor,
    currency: past.currency,
    score,
    level,
    action: level === 'CRITICAL' ? 'BLOCK' : 'REVIEW',
    rulesScore: score,
    fiveFactorScore: 0,
    modelScore: null,
    points,
    hits,
    factors: noFactors,
    reasons: hits.map(hit => hit.reason),
    features: [],
    attributions: [],
    ruleSet: ruleSet.name,
    ruleSetVersion: ruleSet.version,
    modelVersion: null,
    input: { topic, partition: past.partition, offset: past.offset },
  }
}
