import { expect, test } from 'vitest'
import { memoryRegistry } from '../../schemas/registry-memory.ts'
import { count } from '../../topology/counting.ts'
import type { Plan } from '../../topology/plan.ts'
import { topology } from '../../topology/stream.ts'
import { embeddedBroker } from '../embedded/broker.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import type { Kafka } from '../ports.ts'
import { createLedgerTopics, faultsOf, type LedgerTopics, ledgerTopics } from '../testing/ledger-testing.ts'
import { Load, Replicas, Watch } from '../testing/replicas-testing.ts'
import { silentLog, systemWorld } from '../world.ts'

const world = systemWorld(silentLog)

/** The next version of the application has a store of another name, and none of the second sub-topology. */
function nextVersion({ payments, totals }: LedgerTopics): { readonly plan: Plan } {
  const t = topology('ledger')
  t.stream(payments).groupByKey().aggregate('totals-2', { n: count<number>() }).changes().to(totals)
  return t
}

test('a process with another topology is refused, whoever leads, and the group goes on', async () => {
  const broker = embeddedBroker({ world, defaults: { minSessionTimeoutMs: 500 } })
  const connect = async (): Promise<Kafka> => {
    const client = nativeKafka({ transport: broker.transport(), world, clientId: 'test' })
    await client.connect()
    return client
  }
  const kafka = await connect()
  const topics = ledgerTopics('')
  await createLedgerTopics(kafka, topics)
  const parts = { connect, registry: memoryRegistry(), world, topics, application: 'ledger' }
  const replicas = new Replicas({ ...parts, settings: { sessionTimeoutMs: 1200 } })
  const load = new Load(kafka, topics, world)
  const watch = new Watch(kafka, topics, world)
  const refused = { code: 'CONFIG', message: expect.stringContaining('run another topology') }
  await replicas.start('a')
  await replicas.start('b')
  await replicas.settled()
  await watch.flows()
  await expect(replicas.start('newer', {}, nextVersion)).rejects.toMatchObject(refused)
  await replicas.forget('newer')
  await watch.flows()
  expect(replicas.counts()).toEqual([6, 6])
  await replicas.stop('a')
  await Promise.all([
    expect(replicas.start('newer', {}, nextVersion)).rejects.toMatchObject(refused),
    replicas.start('c'),
  ])
  await replicas.forget('newer')
  await replicas.settled()
  await watch.flows()
  await load.end()
  while (watch.total < load.sent) await world.scheduler.sleep(10)
  await replicas.stopAll()
  expect(await faultsOf(kafka, topics, load.sent)).toEqual([])
  // When all of the old version are gone there is nothing to be refused for.
  await replicas.start('newer', {}, nextVersion)
  await replicas.stopAll()
  await watch.close()
  await kafka.close()
  broker.close()
}, 30_000)
