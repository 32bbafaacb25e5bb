import { currencies, currencyExponent } from '../../../schemas/payments/currency.ts'
import { longestWindowMs, type Rule, type RuleSet, unitOf } from './rule-set.ts'

/** Throws when a rule set cannot be run as written. */
export function checkRuleSet(ruleSet: RuleSet): void {
  const seen = new Set<string>()
  if (ruleSet.name === '') throw wrong(ruleSet, 'has no name')
  natural(ruleSet, 'version', ruleSet.version)
  for (const rule of ruleSet.rules) {
    if (['', 'event', 'kept'].includes(rule.id))
      throw wrong(ruleSet, `has a rule named '${rule.id}'; give it another id`)
    if (seen.has(rule.id)) throw wrong(ruleSet, `has two rules named '${rule.id}'`)
    seen.add(rule.id)
    for (const [name, value] of Object.entries(rule))
      if (typeof value === 'number') natural(ruleSet, `${rule.id}.${name}`, value)
    checkWindow(ruleSet, rule)
  }
  const { CRITICAL, HIGH, MEDIUM } = ruleSet.levels
  if (!(CRITICAL > HIGH && HIGH > MEDIUM && MEDIUM > 0))
    throw wrong(ruleSet, 'needs levels with CRITICAL > HIGH > MEDIUM > 0')
  for (const currency of currencies) {
    if (ruleSet.units[currency] === undefined && currencyExponent(currency) === 0) {
      throw wrong(ruleSet, `has no unit for ${currency}, which has no decimals; say how many minor units make one`)
    }
    natural(ruleSet, `units.${currency}`, unitOf(ruleSet, currency))
  }
}

function checkWindow(ruleSet: RuleSet, rule: Rule): void {
  if (!('windowMs' in rule)) return
  if (rule.windowMs === 0) throw wrong(ruleSet, `has a window of 0 ms for '${rule.id}'`)
  if (rule.windowMs > longestWindowMs) {
    throw wrong(
      ruleSet,
      `wants ${rule.windowMs} ms of history for '${rule.id}', but only ${longestWindowMs} ms are kept`,
    )
  }
}

/** Thresholds are whole and far below 2^53, so that what is computed from them is exact. */
function natural(ruleSet: RuleSet, name: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0 || value > 1e12) {
    throw wrong(ruleSet, `needs a whole number from 0 to 10^12 for ${name}, not ${value}`)
  }
}

const wrong = (ruleSet: RuleSet, what: string): Error => new Error(`Rule set '${ruleSet.name}' ${what}.`)
