import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers'
import { freePort } from './child.ts'
import { registryReady, setBackwardCompatibility } from './registry.ts'
import type { Progress } from './java.ts'

// The same two services in containers, for machines with a Docker engine and no Java.

export interface Containers {
  readonly bootstrap: string
  readonly registryUrl: string
  readonly ids: readonly string[]
  stop(): Promise<void>
}

export interface ContainerOptions {
  readonly brokerPort?: number
  readonly registryPort?: number
  /** Lives on after this process. */
  readonly detached?: boolean
  readonly progress: Progress
}

export const dockerAnswers = async (): Promise<boolean> => {
  try {
    await getContainerRuntimeClient()
    return true
  } catch {
    // No engine: another way is taken, and the caller says which.
    return false
  }
}

const brokerEnvironment = (port: number): Record<string, string> => ({
  KAFKA_NODE_ID: '1',
  KAFKA_PROCESS_ROLES: 'broker,controller',
  KAFKA_LISTENERS: `PLAINTEXT://:${port},CONTROLLER://:9093`,
  KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://localhost:${port}`,
  KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
  KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
  KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
  KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
  KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
  KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '4',
  KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
  KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
  KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS: '4',
  KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: '1',
  KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: '1',
  KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
})

/** A fixed host port: clients go where the broker says that it listens. */
export const startContainers = async (options: ContainerOptions): Promise<Containers> => {
  // The reaper would remove the containers with this process.
  if (options.detached) process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true'
  const brokerPort = options.brokerPort ?? (await freePort())
  const registryPort = options.registryPort ?? (await freePort())
  options.progress('starting containers (the first time Docker pulls two images)')
  const [broker, registry] = await Promise.all([
    new GenericContainer('apache/kafka:4.3.1')
      .withExposedPorts({ container: brokerPort, host: brokerPort })
      .withEnvironment(brokerEnvironment(brokerPort))
      .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
      .withStartupTimeout(180_000)
      .start(),
    new GenericContainer('apicurio/apicurio-registry:3.0.9')
      .withExposedPorts({ container: 8080, host: registryPort })
      .withWaitStrategy(Wait.forHttp('/apis/ccompat/v7/subjects', 8080))
      .withStartupTimeout(180_000)
      .start(),
  ])
  const registryUrl = `http://localhost:${registryPort}/apis/ccompat/v7`
  if (!(await registryReady(registryUrl))) throw new Error(`The schema registry does not answer at ${registryUrl}.`)
  await setBackwardCompatibility(registryUrl)
  return {
    bootstrap: `localhost:${brokerPort}`,
    registryUrl,
    ids: [broker.getId(), registry.getId()],
    stop: async () => {
      await Promise.all([broker.stop(), registry.stop()])
    },
  }
}

/** Ends containers that another process started. */
export const removeContainers = async (ids: readonly string[]): Promise<void> => {
  const client = await getContainerRuntimeClient()
  for (const id of ids) {
    const container = client.container.getById(id)
    await client.container.stop(container)
    await client.container.remove(container, { removeVolumes: true })
  }
}
