import { expect, test } from 'vitest'
import { compile } from '../compile.ts'
import { describe as describeTopology } from '../describe.ts'
import { defaultRuleSet } from './rules/rule-set.ts'
import { fraudTopology } from './topology.ts'

test('the compiled topology', async () => {
  await expect(describeTopology(compile(fraudTopology()))).toMatchFileSnapshot('golden/fraud.txt')
})

test('what it is named after lives on: topics and stores', () => {
  const compiled = compile(fraudTopology())
  expect(compiled.inputs.map(topic => topic.name)).toEqual(['payments'])
  expect(compiled.outputs.map(topic => topic.name).sort()).toEqual([
    'analytics',
    'fraud_alerts',
    'payments_late',
    'payments_rejected',
  ])
  expect(compiled.subTopologies.flatMap(part => part.stores.map(store => store.name))).toEqual([
    'seen-payments',
    'customer-history',
    'kpi-time',
    'kpi-hop1m',
    'kpi-tumble1m',
    'top-tumble5m',
  ])
  expect(compiled.repartitions.map(repartition => repartition.name)).toEqual([
    'kpi-hop1m',
    'kpi-tumble1m',
    'top-tumble5m',
  ])
})

test('rules without a history need no history', () => {
  const ruleSet = { ...defaultRuleSet, rules: defaultRuleSet.rules.filter(rule => rule.feature === 'amount') }
  expect(() => compile(fraudTopology({ ruleSet }))).not.toThrow()
})

test('a rule set that cannot be run is refused when the topology is made', () => {
  expect(() => fraudTopology({ ruleSet: { ...defaultRuleSet, name: '' } })).toThrow('has no name')
})
