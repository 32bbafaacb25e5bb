import { defaultRuleSet, type RuleSet } from '../../topology/fraud/rules/rule-set.ts'
import { topicSettings } from '../../schemas/payments/topics.ts'
import type { NewTopic } from '../ports.ts'

/** The default rules with another limit of `high-amount`, in units; null: as they are. Their name then says so. */
export function rulesWith(highAmountUnits: number | null): RuleSet {
  if (highAmountUnits === null) return defaultRuleSet
  let changed = false
  const rules = defaultRuleSet.rules.map(rule => {
    if (rule.id !== 'high-amount' || rule.feature !== 'amount') return rule
    changed = rule.moreThanUnits !== highAmountUnits
    return { ...rule, moreThanUnits: highAmountUnits }
  })
  return changed
    ? { ...defaultRuleSet, name: `${defaultRuleSet.name}-high-amount-${highAmountUnits}`, rules }
    : defaultRuleSet
}

/** A rejected payment carries the bytes that were refused, up to the largest that a broker takes, and why. */
const rejectedMaxBytes = 4 << 20

/**
 * The flagship's topics. Brokers delete by the wall clock, and generated or replayed payments are old: unless the input
 * is
 * `live`, nothing is deleted.
 */
export function flagshipTopics(options: { readonly live: boolean; readonly partitions?: number }): NewTopic[] {
  return topicSettings.map(({ name, partitions, cleanup, retentionMs }) => ({
    name,
    partitions: name === 'payments' ? (options.partitions ?? partitions) : partitions,
    configs: {
      'cleanup.policy': cleanup,
      'retention.ms': String(options.live ? retentionMs : -1),
      'message.timestamp.type': 'CreateTime',
      ...(name === 'payments_rejected' ? { 'max.message.bytes': String(rejectedMaxBytes) } : {}),
    },
  }))
}
