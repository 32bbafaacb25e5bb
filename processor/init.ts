import {
  analytics,
  fraudAlerts,
  paymentLabels,
  payments,
  paymentsLate,
  paymentsRejected,
} from '../schemas/payments/topics.ts'
import type { Registry } from '../schemas/registry.ts'
import { flagshipTopics } from './cli/flagship.ts'
import type { Admin } from './ports.ts'

const topics = [payments, paymentsRejected, paymentsLate, paymentLabels, fraudAlerts, analytics] as const

export interface InitOptions {
  readonly admin: Admin
  readonly registry: Registry
  /** Whether brokers may delete old records. */
  readonly live: boolean
  readonly say: (line: string) => void
}

/**
 * Creates the flagship's topics and registers the schemas of their values, where they are missing. Changes nothing
 * else.
 */
export async function init({ admin, registry, live, say }: InitOptions): Promise<void> {
  const wanted = flagshipTopics({ live })
  const before = await admin.topics(wanted.map(topic => topic.name))
  await admin.createTopics(wanted.filter(topic => !before.has(topic.name)))
  for (const { name, partitions } of wanted) {
    const there = before.get(name)
    say(
      `topic ${name}: ${there === undefined ? `created, ${partitions} partitions` : `there, ${there.partitions} partitions`}`,
    )
  }
  for (const { name, value } of topics) {
    await value.bind!({ topic: name, part: 'value', writes: true, registry })
    say(`subject ${name}-value: registered`)
  }
}
