import type { TestProject } from 'vitest/node'
import { openServices, type Services, type Source } from './services.ts'

// Starts real Kafka and a schema registry once for the kafka tier. A test reads `inject('kafkaBrokers')`. Without a
// broker the tier fails here: it never passes by doing nothing. `npm test` looks first, and says when it does not run
// the tier.

declare module 'vitest' {
  export interface ProvidedContext {
    /** Comma-separated host:port of the brokers. */
    readonly kafkaBrokers: string
    /** Base address of the Confluent API of the schema registry. */
    readonly schemaRegistryUrl: string
    /** Where they come from: what the environment named may hold data of others. */
    readonly kafkaSource: Source
  }
}

let services: Services | undefined

export const setup = async (project: TestProject): Promise<void> => {
  const startedMs = Date.now()
  services = await openServices(line => console.log(`[kafka] ${line}`))
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1)
  console.log(`[kafka] ${services.brokers} and ${services.registryUrl} (${services.source}) ready after ${seconds} s`)
  project.provide('kafkaBrokers', services.brokers)
  project.provide('schemaRegistryUrl', services.registryUrl)
  project.provide('kafkaSource', services.source)
}

export const teardown = async (): Promise<void> => {
  await services?.stop()
}
