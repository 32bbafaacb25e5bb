import { expect, test } from 'vitest'
import { checkRuleSet } from './check.ts'
import { defaultRuleSet, type Rule, type RuleSet } from './rule-set.ts'

const withRule = (rule: object): RuleSet => ({
  ...defaultRuleSet,
  rules: [{ ...defaultRuleSet.rules[0]!, ...rule } as Rule],
})

test('the default rule set can be run', () => expect(() => checkRuleSet(defaultRuleSet)).not.toThrow())

test.each<[RuleSet, string]>([
  [{ ...defaultRuleSet, name: '' }, 'has no name'],
  [{ ...defaultRuleSet, version: 1.5 }, 'whole number'],
  [{ ...defaultRuleSet, rules: [defaultRuleSet.rules[0]!, defaultRuleSet.rules[0]!] }, "two rules named 'velocity'"],
  [withRule({ id: '' }), "a rule named ''"],
  [withRule({ id: 'event' }), "a rule named 'event'"],
  [withRule({ moreThan: -1 }), 'velocity.moreThan'],
  [withRule({ points: 0.5 }), 'velocity.points'],
  [withRule({ windowMs: 0 }), 'a window of 0 ms'],
  [withRule({ windowMs: 30 * 86_400_000 + 1 }), 'only 2592000000 ms are kept'],
  [{ ...defaultRuleSet, levels: { CRITICAL: 600, HIGH: 600, MEDIUM: 400 } }, 'CRITICAL > HIGH > MEDIUM'],
  [{ ...defaultRuleSet, units: { IRR: 20_000 } }, 'has no unit for BIF'],
])('case %#', (ruleSet, message) => expect(() => checkRuleSet(ruleSet)).toThrow(message))
