import { restRegistry } from '../../schemas/registry-rest.ts'
import { fraudTopology } from '../../topology/fraud/topology.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import { tcpTransport } from '../kafka/native/tcp.ts'
import { createLog } from '../observe/log.ts'
import type { Kafka } from '../ports.ts'
import { createApp } from '../runtime/app.ts'
import { levelStores } from '../state/level.ts'
import { processId } from '../state/process-id.ts'
import { report, runChild } from '../testing/child-program.ts'
import { systemWorld } from '../world.ts'
import type { ReplicaOptions, ReplicaReport } from './replica-protocol.ts'

// The flagship in a process of its own: what processor/main.ts runs, with a shorter session.

const options = JSON.parse(process.argv[2]!) as ReplicaOptions

const say: (what: ReplicaReport) => void = report

/** Tells of each generation whose tasks are dealt out here. */
const watched = (kafka: Kafka): Kafka => ({
  capabilities: kafka.capabilities,
  connect: signal => kafka.connect(signal),
  admin: () => kafka.admin(),
  fetcher: of => kafka.fetcher(of),
  producer: of => kafka.producer(of),
  join: (of, handlers) =>
    kafka.join(of, {
      subscription: () => handlers.subscription(),
      assign(members, generation) {
        say({ kind: 'rebalanced', generation })
        return handlers.assign(members, generation)
      },
      onAssigned: (partitions, userData) => handlers.onAssigned(partitions, userData),
      onRevoked: partitions => handlers.onRevoked(partitions),
      onLost: (partitions, isFinal) => handlers.onLost(partitions, isFinal),
      onFailed: error => handlers.onFailed(error),
    }),
  close: () => kafka.close(),
})

async function run(): Promise<void> {
  const { name, membership, brokers, registryUrl, application, commitIntervalMs, sessionTimeoutMs, standbyReplicas } =
    options
  const write = (line: string): void => void process.stderr.write(line)
  const world = systemWorld(createLog({ level: 'info', write, pretty: false }))
  const stores = await levelStores(options.stateFolder, name)
  const kafka = nativeKafka({ transport: tcpTransport({ bootstrap: brokers }), world, clientId: name })
  const app = createApp(fraudTopology(), {
    application,
    instance: membership === 'named' ? name : `${name}-${processId(stores.folder, world.random)}`,
    isStatic: membership !== 'dynamic',
    kafka: watched(kafka),
    registry: restRegistry({ url: registryUrl }),
    stores,
    world,
    partitionOf,
    commitIntervalMs,
    sessionTimeoutMs,
    standbyReplicas,
    // Records are in the log before their transaction ends: what dies then has to be aborted.
    sendBytes: 0,
  })
  process.on('SIGTERM', () => void app.stop())
  app.ended.then(
    () => say({ kind: 'ended' }),
    () => undefined,
  )
  // Stopped before it ran: `done` says what came of it.
  app.start().then(
    () => say({ kind: 'running' }),
    () => undefined,
  )
  await app.done
  say({ kind: 'stopped' })
  await stores.release()
  await kafka.close()
}

runChild(run)
