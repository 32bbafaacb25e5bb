import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { installKafka } from '../../infra/broker.ts'
import { type Child, freePort, launch, untilReady } from '../../infra/child.ts'
import { brokerReady } from '../../infra/kafka-probe.ts'
import type { BrokerAddress } from '../ports.ts'

// One broker, or a cluster of three, each of them controller too; any of them can be killed and started again.

const run = promisify(execFile)
const heapMb = 256
const readyTimeoutMs = 120_000

interface Node {
  readonly id: number
  readonly port: number
  readonly folder: string
  child: Child | null
}

type Installation = Awaited<ReturnType<typeof installKafka>>

const propertiesOf = (
  { id, port, folder }: Node,
  nodes: readonly Node[],
  controllers: ReadonlyMap<number, number>,
): string => {
  const [copies, inSync] = nodes.length === 1 ? [1, 1] : [3, 2]
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': nodes.map(node => `${node.id}@127.0.0.1:${controllers.get(node.id)}`).join(','),
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllers.get(id)}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(folder, 'log'),
    'auto.create.topics.enable': false,
    'default.replication.factor': copies,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': copies,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': copies,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': copies,
    'share.coordinator.state.topic.min.isr': inSync,
    'share.coordinator.state.topic.num.partitions': 1,
    'group.initial.rebalance.delay.ms': 0,
    // A killed broker is refused until its old session ends; 9 s by default.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    'log.cleaner.dedupe.buffer.size': 4_194_304,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

export class Brokers {
  readonly #nodes: readonly Node[]
  readonly #installation: Installation

  private constructor(nodes: readonly Node[], installation: Installation) {
    this.#nodes = nodes
    this.#installation = installation
  }

  /** Formats and starts `count` brokers in new folders below `folder`. */
  static async start(count: number, folder: string, progress: (line: string) => void): Promise<Brokers> {
    const installation = await installKafka(progress)
    const nodes: Node[] = []
    const controllers = new Map<number, number>()
    for (let id = 1; id <= count; id++) {
      nodes.push({ id, port: await freePort(), folder: join(folder, `broker-${id}`), child: null })
      controllers.set(id, await freePort())
    }
    const brokers = new Brokers(nodes, installation)
    // The first bit is 0, so that the id does not begin with '-', which the tool would take for an option.
    const id = randomBytes(16)
    id[0]! &= 0x7f
    try {
      await Promise.all(
        nodes.map(async node => {
          mkdirSync(node.folder, { recursive: true })
          writeFileSync(brokers.#settings(node), propertiesOf(node, nodes, controllers))
          const format = ['kafka.tools.StorageTool', 'format', '-t', id.toString('base64url')]
          const args = [...brokers.#javaArgs(), ...format, '-c', brokers.#settings(node)]
          await run(installation.java.command, args, { cwd: node.folder })
        }),
      )
      await Promise.all(nodes.map((_, index) => brokers.start(index)))
    } catch (error) {
      await brokers.close()
      throw error
    }
    return brokers
  }

  get addresses(): readonly BrokerAddress[] {
    return this.#nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  }

  /** Starts one that was ended; resolves when it serves. */
  async start(index: number): Promise<void> {
    const node = this.#nodes[index]!
    node.child = await launch({
      command: this.#installation.java.command,
      args: [...this.#javaArgs(), 'kafka.Kafka', this.#settings(node)],
      cwd: node.folder,
      logFile: join(node.folder, 'broker.log'),
      detached: false,
    })
    await untilReady(`Broker ${node.id}`, node.child, () => brokerReady('127.0.0.1', node.port), readyTimeoutMs)
  }

  async end(index: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#nodes[index]!.child?.end(signal)
  }

  /** Kills all of them. */
  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((_, index) => this.end(index, 'SIGKILL')))
  }

  #settings({ folder }: Node): string {
    return join(folder, 'server.properties')
  }

  #javaArgs(): string[] {
    const { flags, classpath } = this.#installation
    return [`-Xmx${heapMb}m`, ...flags, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', classpath]
  }
}
