import { parentPort, workerData } from 'node:worker_threads'
import { memoryRegistry } from '../../schemas/registry-memory.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import { tcpTransport } from '../kafka/native/tcp.ts'
import type { BrokerAddress, Log } from '../ports.ts'
import { createApp } from '../runtime/app.ts'
import { memoryStores } from '../state/memory.ts'
import { systemWorld } from '../world.ts'
import { ledger, ledgerTopics } from './ledger-testing.ts'

// A replica of the ledger in a thread of its own, whose user code holds the event loop when it is told to.

export interface BlockedReplicaOptions {
  readonly brokers: readonly BrokerAddress[]
  readonly prefix: string
  readonly application: string
  readonly sessionTimeoutMs: number
  /** One number: for how many milliseconds the next record is to block. It is set to 0 when the record does. */
  readonly block: Int32Array<SharedArrayBuffer>
}

export type BlockedReplicaReport =
  | { readonly kind: 'running' | 'stopped' }
  | { readonly kind: 'log'; readonly message: string; readonly fields: string }

const { brokers, prefix, application, sessionTimeoutMs, block } = workerData as BlockedReplicaOptions
const say = (report: BlockedReplicaReport): void => parentPort!.postMessage(report)

const logged = (fields: object, message: string): void => say({ kind: 'log', message, fields: JSON.stringify(fields) })
const log: Log = { debug: () => undefined, info: logged, warn: logged, error: logged }

const asleep = new Int32Array(new SharedArrayBuffer(4))
const world = systemWorld(log)
const kafka = nativeKafka({ transport: tcpTransport({ bootstrap: brokers }), world, clientId: 'blocked' })
const app = createApp(ledger(ledgerTopics(prefix)), {
  application,
  instance: 'blocked',
  isStatic: false,
  kafka,
  registry: memoryRegistry(),
  stores: memoryStores(),
  world,
  sessionTimeoutMs,
  commitIntervalMs: 50,
  // Called for each record that goes to a repartition topic, as user code is.
  partitionOf(key, start, end, partitions) {
    const ms = Atomics.exchange(block, 0, 0)
    if (ms > 0) Atomics.wait(asleep, 0, 0, ms)
    return partitionOf(key, start, end, partitions)
  },
})
parentPort!.once('message', () => void app.stop())
await app.start()
say({ kind: 'running' })
await app.done
await kafka.close()
say({ kind: 'stopped' })
