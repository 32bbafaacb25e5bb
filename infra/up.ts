import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { startBroker } from './broker.ts'
import { freePort, isProcess } from './child.ts'
import { startContainers } from './docker.ts'
import { anyBrokerReady } from './kafka-probe.ts'
import { registryReady, startRegistry } from './registry.ts'
import { chooseServices } from './services.ts'
import { stopServices } from './stop.ts'
import { kafkaFolder, readState, registryFolder, root, workFolder, writeState, type UpState } from './up-state.ts'

// `npm run up`: real Kafka and a schema registry on loopback that live on after this command, then topics and subjects.
// Progress goes to stderr; stdout holds what to export and nothing else, so that `eval "$(npm run -s up)"` works.

const progress = (line: string): void => console.error(`[up] ${line}`)

const isUp = async (state: UpState): Promise<boolean> =>
  state.pids.every(pid => isProcess(pid, workFolder)) &&
  (await anyBrokerReady(state.brokers)) &&
  (await registryReady(state.registryUrl))

const startOnJvm = async (brokerPort: number, registryPort: number): Promise<UpState> => {
  // Written before anything can fail, and again after each start: `npm run down` must find what is running.
  let state: UpState = {
    source: 'jvm',
    brokers: `127.0.0.1:${brokerPort}`,
    registryUrl: '',
    brokerPort,
    registryPort,
    pids: [],
    containers: [],
  }
  const started = await Promise.allSettled([
    startBroker({ port: brokerPort, dataDir: kafkaFolder, detached: true, progress }).then(broker => {
      state = { ...state, brokers: broker.bootstrap, pids: [...state.pids, broker.pid] }
      writeState(state)
      progress(`Kafka is ready on ${broker.bootstrap} after ${broker.startMs} ms`)
    }),
    startRegistry({ port: registryPort, dataDir: registryFolder, detached: true, progress }).then(registry => {
      state = { ...state, registryUrl: registry.url, pids: [...state.pids, registry.pid] }
      writeState(state)
      progress(`the schema registry is ready on ${registry.url} after ${registry.startMs} ms`)
    }),
  ])
  const failure = started.find(result => result.status === 'rejected')
  if (failure) {
    await stopServices(state)
    throw failure.reason
  }
  return state
}

const startOnDocker = async (brokerPort: number, registryPort: number): Promise<UpState> => {
  const containers = await startContainers({ brokerPort, registryPort, detached: true, progress })
  const state: UpState = {
    source: 'docker',
    brokers: containers.bootstrap,
    registryUrl: containers.registryUrl,
    brokerPort,
    registryPort,
    pids: [],
    containers: containers.ids,
  }
  writeState(state)
  return state
}

const startServices = async (): Promise<{ readonly brokers: string; readonly registryUrl: string }> => {
  const { source, missing } = await chooseServices()
  if (source === null) throw new Error(missing)
  if (source === 'environment') {
    const brokers = process.env['KAFKA_BROKERS']!
    const registryUrl = process.env['SCHEMA_REGISTRY_URL']
    if (!registryUrl) throw new Error('KAFKA_BROKERS is set, but SCHEMA_REGISTRY_URL is not. Set both, or neither.')
    if (!(await anyBrokerReady(brokers))) throw new Error(`No broker answers at KAFKA_BROKERS=${brokers}.`)
    progress('KAFKA_BROKERS is set: nothing is started')
    return { brokers, registryUrl }
  }
  const last = readState()
  if (last && (await isUp(last))) {
    progress('already up')
    return last
  }
  if (last) {
    progress('a part of what was up has ended: starting again')
    await stopServices(last)
  }
  const brokerPort = await freePort(last?.brokerPort ?? 29092)
  const registryPort = await freePort(last?.registryPort ?? 28081)
  return source === 'docker' ? startOnDocker(brokerPort, registryPort) : startOnJvm(brokerPort, registryPort)
}

/** Topics and subjects are the application's to name: `processor/main.ts init` makes those that are missing. */
const makeTopics = (brokers: string, registryUrl: string): void => {
  const main = join(root, 'processor', 'main.ts')
  if (!existsSync(main)) return progress('processor/main.ts does not exist yet: no topics were made')
  const { status } = spawnSync(process.execPath, [main, 'init'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registryUrl },
  })
  if (status !== 0)
    throw new Error(`The services are up, but topics and subjects could not be made (exit code ${status}).`)
}

try {
  const { brokers, registryUrl } = await startServices()
  console.log(`export KAFKA_BROKERS=${brokers}`)
  console.log(`export SCHEMA_REGISTRY_URL=${registryUrl}`)
  makeTopics(brokers, registryUrl)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
