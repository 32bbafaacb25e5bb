import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Registry } from '../../schemas/registry.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import { tcpTransport } from '../kafka/native/tcp.ts'
import type { BrokerAddress, Kafka, World } from '../ports.ts'
import { type App, type AppOptions, createApp } from '../runtime/app.ts'
import { levelStores } from '../state/level.ts'
import { dropTopics, flagship } from './flagship-testing.ts'

export const addressesOf = (brokers: string): BrokerAddress[] =>
  brokers
    .split(',')
    .map(address => address.split(':'))
    .map(([host, port]) => ({ host: host!, port: Number(port) }))

/** Before the names of a test's topics. */
export const freshPrefix = (what: string): string => `${what}-${randomUUID().slice(0, 8)}-`

/** Deletes the topics of `openFlagship` when the test has finished. */
export const dropAfterwards = (kafka: Kafka, prefix: string): void =>
  onTestFinished(() => dropTopics(kafka, prefix, `${prefix}app`))

/** A client for one test. */
export async function connect(brokers: readonly BrokerAddress[], world: World): Promise<Kafka> {
  const kafka = nativeKafka({ transport: tcpTransport({ bootstrap: brokers }), world, clientId: 'test' })
  onTestFinished(() => kafka.close())
  await kafka.connect()
  return kafka
}

/** The flagship in this process, with LevelDB in a folder of its own, for one test. */
export async function openFlagship(
  parts: { readonly kafka: Kafka; readonly registry: Registry; readonly world: World },
  prefix: string,
  options: Partial<AppOptions> = {},
): Promise<App> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
  const stores = await levelStores(folder, 'test')
  const app = createApp(flagship(prefix), {
    application: `${prefix}app`,
    instance: 'test',
    ...parts,
    stores,
    partitionOf,
    commitIntervalMs: 200,
    idleMs: 0,
    ...options,
  })
  onTestFinished(async () => {
    await app.stop()
    await stores.release()
    rmSync(folder, { recursive: true, force: true })
  })
  return app
}

/** Waits for a condition that another part brings about; `failing` rejects when that cannot happen any more. */
export async function until(world: World, condition: () => boolean, failing: Promise<unknown>): Promise<void> {
  let hasFailed = false
  failing.catch(() => {
    hasFailed = true
  })
  while (!condition()) {
    if (hasFailed) await failing
    await world.scheduler.sleep(10)
  }
}
