import { expect, inject, test } from 'vitest'
import { restRegistry } from '../../schemas/registry-rest.ts'
import type { Kafka } from '../ports.ts'
import { onEmbedded } from '../testing/embedded-testing.ts'
import { createTopics, PlacedFeed, send } from '../testing/flagship-testing.ts'
import { addressesOf, connect, dropAfterwards, freshPrefix, openFlagship } from '../testing/real-kafka-testing.ts'
import { judge, readWritten, type Written } from '../testing/written-testing.ts'
import { silentLog, systemWorld } from '../world.ts'

const world = systemWorld(silentLog)
const registry = restRegistry({ url: inject('schemaRegistryUrl') })
const count = 5000

/** What the flagship makes of the same payments on one cluster. */
async function run(kafka: Kafka, prefix: string, partitions: number): Promise<Written> {
  const topics = await createTopics(kafka, prefix, partitions)
  const feed = await PlacedFeed.millrace({ seed: 5, customers: 500 }, count, topics.payments.name, partitions)
  const parts = { kafka, registry, world }
  await send(feed, parts, topics, { ratePerSecond: null, endMarks: true })
  const app = await openFlagship(parts, prefix)
  await app.start()
  await app.ended
  await app.stop()
  await app.done
  const written = await readWritten(kafka, registry, topics)
  const { lines, want } = judge(written, feed.placed)
  expect(lines).toEqual([])
  expect(Object.keys(want.alertsByRule).length).toBe(5)
  expect(Object.keys(want.rejectedByCode).length).toBe(12)
  expect(want.payments).toBe(count)
  return written
}

/** By key, in the order of each key. */
function byKey(list: readonly { row: { key: Buffer | null; partition: number }; value: unknown }[]): unknown {
  const keys = Map.groupBy(list, ({ row }) => `${row.partition} ${row.key?.toString('hex') ?? 'null'}`)
  const entries = [...keys].map(([key, some]) => [key, some.map(({ value }) => value)] as const)
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** What must not depend on the number of partitions. */
const essence = ({ alerts, analytics }: Written) => ({
  alerts: alerts
    .map(({ value }) =>
      JSON.stringify([
        value.paymentId,
        value.score,
        value.level,
        value.hits.map(hit => [hit.ruleId, hit.observed, hit.windowStart, hit.evidence.map(each => each.paymentId)]),
      ]),
    )
    .toSorted(),
  analytics: Object.fromEntries(
    analytics.map(({ row, value }) => [row.key!.toString(), value] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  ),
})

test('1 and 6 partitions, real and embedded broker: the same alerts and the same final figures', async () => {
  const real = await connect(addressesOf(inject('kafkaBrokers')), world)
  const found: Written[] = []
  for (const partitions of [1, 6]) {
    const prefix = freshPrefix(`exact-${partitions}`)
    dropAfterwards(real, prefix)
    const there = await run(real, prefix, partitions)
    const here = await onEmbedded(world, kafka => run(kafka, prefix, partitions))
    for (const topic of ['alerts', 'analytics', 'rejected', 'late'] as const) {
      expect(byKey(there[topic])).toEqual(byKey(here[topic]))
    }
    found.push(there)
  }
  expect(essence(found[0]!)).toEqual(essence(found[1]!))
})
