import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { expect, inject, test } from 'vitest'
import { startBroker } from './broker.ts'
import { missingForJvm } from './services.ts'

test('the broker of the tier takes topics, and makes none by itself', async () => {
  const kafka = new Kafka({ brokers: inject('kafkaBrokers').split(','), logLevel: logLevel.NOTHING })
  const admin = kafka.admin()
  await admin.connect()
  const topic = `infra-${process.pid}-${Date.now()}`
  expect(await admin.createTopics({ topics: [{ topic, numPartitions: 3, replicationFactor: 1 }] })).toBe(true)
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  expect(topics[0]!.partitions).toHaveLength(3)
  await admin.deleteTopics({ topics: [topic] })
  await admin.disconnect()
})

test('the registry of the tier gives ids, and refuses an incompatible schema', async () => {
  const url = `${inject('schemaRegistryUrl')}/subjects/infra-${process.pid}-${Date.now()}-value/versions`
  const register = (schema: object): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ schema: JSON.stringify(schema) }),
    })
  const record = (fields: object[]): object => ({ type: 'record', name: 'Payment', fields })
  const first = await register(record([{ name: 'amount', type: 'long' }]))
  expect(((await first.json()) as { id: number }).id).toBeGreaterThan(0)
  expect((await register(record([{ name: 'other', type: 'string' }]))).status).toBe(409)
})

test('a killed broker starts again with the data that it had', async ({ skip }) => {
  // A broker of our own is needed to kill one; the launcher has it from the JVM only.
  const missing = missingForJvm()
  if (missing !== null) skip(missing)
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
  try {
    const broker = await startBroker({ dataDir })
    const kafka = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING })
    const before = kafka.admin()
    await before.createTopics({ topics: [{ topic: 'kept', numPartitions: 1, replicationFactor: 1 }] })
    await before.disconnect()
    await broker.kill()
    expect(broker.alive()).toBe(false)
    const again = await startBroker({ dataDir, port: broker.port })
    const after = kafka.admin()
    expect(await after.listTopics()).toEqual(['kept'])
    await after.disconnect()
    await again.stop()
    expect(again.alive()).toBe(false)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})
