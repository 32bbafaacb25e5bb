import { startBroker } from './broker.ts'
import { dockerAnswers, startContainers } from './docker.ts'
import { findJava, findMaven, MissingToolError, type Progress } from './java.ts'
import { anyBrokerReady } from './kafka-probe.ts'
import { startRegistry } from './registry.ts'

// Real Kafka and a real schema registry, wherever they can be had: what the environment names, else Docker, else a JVM.

export type Source = 'environment' | 'docker' | 'jvm'

export interface Services {
  readonly source: Source
  /** Comma-separated host:port. */
  readonly brokers: string
  readonly registryUrl: string
  stop(): Promise<void>
}

export type Choice =
  | { readonly source: Source; readonly missing: null }
  /** Why there can be none: what to install or set. */
  | { readonly source: null; readonly missing: string }

/** Decides without starting anything. */
export const chooseServices = async (): Promise<Choice> => {
  if (process.env['KAFKA_BROKERS']) return { source: 'environment', missing: null }
  if (await dockerAnswers()) return { source: 'docker', missing: null }
  const missing = missingForJvm()
  if (missing === null) return { source: 'jvm', missing }
  return { source: null, missing: `KAFKA_BROKERS is not set, no Docker engine answers, and: ${missing}` }
}

/** What keeps `startBroker` and `startRegistry` from working on this machine; null when nothing does. */
export const missingForJvm = (): string | null => {
  try {
    findJava()
    findMaven()
    return null
  } catch (error) {
    if (error instanceof MissingToolError) return error.message
    throw error
  }
}

const namedServices = async (progress: Progress): Promise<Services> => {
  const brokers = process.env['KAFKA_BROKERS'] ?? ''
  if (!(await anyBrokerReady(brokers))) throw new Error(`KAFKA_BROKERS is ${brokers}, but no broker answers there.`)
  const url = process.env['SCHEMA_REGISTRY_URL']
  if (url) return { source: 'environment', brokers, registryUrl: url.replace(/\/$/, ''), stop: async () => {} }
  progress('SCHEMA_REGISTRY_URL is not set: starting a registry')
  const registry = await startRegistry({ progress })
  return { source: 'environment', brokers, registryUrl: registry.url, stop: () => registry.stop() }
}

const jvmServices = async (progress: Progress): Promise<Services> => {
  const [broker, registry] = await Promise.allSettled([startBroker({ progress }), startRegistry({ progress })])
  if (broker.status === 'fulfilled' && registry.status === 'fulfilled') {
    return {
      source: 'jvm',
      brokers: broker.value.bootstrap,
      registryUrl: registry.value.url,
      stop: async () => {
        await Promise.all([broker.value.stop(), registry.value.stop()])
      },
    }
  }
  if (broker.status === 'fulfilled') await broker.value.stop()
  if (registry.status === 'fulfilled') await registry.value.stop()
  const failure = [broker, registry].find(result => result.status === 'rejected')
  throw failure?.reason
}

/** Starts what is needed; it ends with `stop`, or with this process. */
export const openServices = async (progress: Progress): Promise<Services> => {
  const choice = await chooseServices()
  switch (choice.source) {
    case 'environment':
      return namedServices(progress)
    case 'docker': {
      const containers = await startContainers({ progress })
      return {
        source: 'docker',
        brokers: containers.bootstrap,
        registryUrl: containers.registryUrl,
        stop: () => containers.stop(),
      }
    }
    case 'jvm':
      return jvmServices(progress)
    case null:
      throw new MissingToolError(choice.missing)
  }
}
