import type { AlertLevel, Payment, RuleHit } from '../../schemas/payments/types.ts'
import type { Over } from '../aggregates.ts'
import { count } from '../counting.ts'
import type { PastPayment } from './history.ts'
import type { Valid } from './intake.ts'
import { featureOf } from './rules/features.ts'
import type { Feature, Finding } from './rules/feature.ts'
import { longestWindowMs, type Rule, type RuleSet } from './rules/rule-set.ts'

/** A valid payment and what the rules say of it. */
export interface Evaluated {
  readonly payment: Payment
  readonly past: PastPayment
  /** In rule-set order. */
  readonly hits: readonly RuleHit[]
  /** Sum of the hits, before the cap. */
  readonly points: number
  /** Whole permille. */
  readonly score: number
  readonly level: AlertLevel
  readonly alerts: boolean
}

const noHits: readonly RuleHit[] = []
const highestScore = 1_000

/** What each rule measures over the customer's history, by the rule's id. */
export function spansOf(ruleSet: RuleSet): Readonly<Record<string, Over<PastPayment, any, any>>> {
  const spans: Record<string, Over<PastPayment, any, any>> = {}
  for (const rule of ruleSet.rules) {
    const over = featureOf(rule).over(rule)
    if (over !== null) spans[rule.id] = over
  }
  // A month is kept whatever the rules ask for now: the next rule set may look back further than this one.
  const longest = Object.values(spans).some(({ spanMs }) => spanMs === longestWindowMs)
  if (!longest) spans.kept = { spanMs: longestWindowMs, includes: 'event', aggregate: count() }
  return spans
}

/** Evaluates all rules on every payment: no hit keeps another rule from being looked at. */
export function evaluator(ruleSet: RuleSet): (found: { readonly event: Valid }) => Evaluated {
  const rules: readonly { rule: Rule; feature: Feature<any, any> }[] = ruleSet.rules.map(rule => ({
    rule,
    feature: featureOf(rule),
  }))
  return found => {
    const { payment, past } = found.event
    const measures = found as unknown as Readonly<Record<string, unknown>>
    let hits: RuleHit[] | null = null
    let points = 0
    let active = false
    for (let i = 0; i < rules.length; i++) {
      const { rule, feature } = rules[i]!
      const finding = feature.evaluate(rule, past, measures[rule.id], ruleSet)
      if (finding === null) continue
      hits ??= []
      hits.push(hitOf(rule, finding))
      points += rule.points
      active ||= rule.mode === 'ACTIVE'
    }
    const score = Math.min(highestScore, points)
    return {
      payment,
      past,
      points,
      score,
      hits: hits ?? noHits,
      level: levelOf(score, ruleSet),
      alerts: active || score >= ruleSet.alertFromScore,
    }
  }
}

const hitOf = (rule: Rule, finding: Finding): RuleHit => ({
  ruleId: rule.id,
  points: rule.points,
  mode: rule.mode,
  windowStart: finding.windowStart,
  windowEnd: finding.windowEnd,
  observed: finding.observed,
  threshold: finding.threshold,
  reason: finding.reason,
  evidence: finding.evidence.map(({ paymentId, partition, offset }) => ({ paymentId, partition, offset })),
})

function levelOf(score: number, { levels }: RuleSet): AlertLevel {
  if (score >= levels.CRITICAL) return 'CRITICAL'
  if (score >= levels.HIGH) return 'HIGH'
  return score >= levels.MEDIUM ? 'MEDIUM' : 'LOW'
}
