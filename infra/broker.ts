import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort, launch, untilReady, type Child } from './child.ts'
import { fastStart, fetchByMaven, findJava, type Java, type Progress } from './java.ts'
import { brokerReady } from './kafka-probe.ts'

// A real Kafka broker (KRaft, broker and controller in one JVM) on loopback, without Docker.

export interface BrokerOptions {
  /** Default: any free port. */
  readonly port?: number
  /**
   * Where it keeps its log and settings. What is there is kept and used again. Default: a temporary folder, deleted by
   * `stop`.
   */
  readonly dataDir?: string
  readonly heapMb?: number
  /** Further lines of server.properties; they win. */
  readonly config?: Readonly<Record<string, string | number | boolean>>
  /** Lives on after this process. */
  readonly detached?: boolean
  readonly progress?: Progress
}

export interface Broker {
  /** host:port */
  readonly bootstrap: string
  readonly port: number
  readonly pid: number
  readonly dataDir: string
  /** From the start of the JVM until the broker was ready for topics. */
  readonly startMs: number
  alive(): boolean
  /** SIGTERM, a clean shutdown; waits for the end. */
  stop(): Promise<void>
  /** SIGKILL: what a crash does. The data folder stays, also a temporary one; start again with it. */
  kill(): Promise<void>
}

interface Installation {
  readonly java: Java
  readonly classpath: string
  readonly flags: readonly string[]
}

const version = '4.3.1'
const run = promisify(execFile)
const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'

/** The last port first: a voter's address is written into the log when it is formatted. */
const controllerPort = async (dataDir: string): Promise<number> => {
  const file = join(dataDir, 'controller.port')
  const port = await freePort(existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined)
  writeFileSync(file, String(port))
  return port
}

const properties = (dataDir: string, port: number, controller: number, extra: BrokerOptions['config']): string =>
  Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(dataDir, 'log'),
    'auto.create.topics.enable': false,
    // One broker, and small internal topics: each partition is a file to open and a coordinator to load.
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    // A group of one need not wait three seconds for others.
    'group.initial.rebalance.delay.ms': 0,
    'group.streams.initial.rebalance.delay.ms': 0,
    // A killed broker is refused until its old session ends; 9 s by default.
    'broker.session.timeout.ms': 3_000,
    'broker.heartbeat.interval.ms': 500,
    'log.cleaner.dedupe.buffer.size': 4_194_304,
    ...extra,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')

const javaArgs = (installation: Installation, flags: readonly string[], heapMb: number): string[] => [
  `-Xmx${heapMb}m`,
  ...flags,
  quiet,
  '-cp',
  installation.classpath,
]

const startJvm = async (
  installation: Installation,
  flags: readonly string[],
  dataDir: string,
  port: number,
  options: BrokerOptions,
): Promise<Child> => {
  const args = (main: string): string[] => [...javaArgs(installation, flags, options.heapMb ?? 256), main]
  const settings = join(dataDir, 'server.properties')
  writeFileSync(settings, properties(dataDir, port, await controllerPort(dataDir), options.config))
  if (!existsSync(join(dataDir, 'log', 'meta.properties'))) {
    // The first bit is 0, so that the id does not begin with '-', which the tool would take for an option.
    const id = randomBytes(16)
    id[0]! &= 0x7f
    const clusterId = id.toString('base64url')
    // Training writes its archive at exit: that must be the broker's, not this tool's.
    const formatFlags = flags.filter(flag => !flag.startsWith('-XX:ArchiveClassesAtExit'))
    const format = javaArgs(installation, formatFlags, 256)
    await run(
      installation.java.command,
      [...format, 'kafka.tools.StorageTool', 'format', '--standalone', '-t', clusterId, '-c', settings],
      { cwd: dataDir },
    )
  }
  const child = await launch({
    command: installation.java.command,
    args: [...args('kafka.Kafka'), settings],
    cwd: dataDir,
    logFile: join(dataDir, 'broker.log'),
    detached: options.detached ?? false,
  })
  await untilReady('The Kafka broker', child, () => brokerReady('127.0.0.1', port), 60_000)
  return child
}

/** Jars from the cache or from Maven, and the flags for a fast start. Throws MissingToolError without Java or Maven. */
export const installKafka = async (progress: Progress): Promise<Installation> => {
  const java = findJava()
  const folder = await fetchByMaven(
    'kafka',
    version,
    ['dependency:copy-dependencies', '-DincludeScope=runtime'],
    progress,
  )
  const classpath = join(folder, '*')
  const flags = await fastStart('Kafka', folder, java, progress, async trainFlags => {
    const dataDir = mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
    try {
      const child = await startJvm({ java, classpath, flags: [] }, trainFlags, dataDir, await freePort(), {})
      await child.end('SIGTERM', 60_000)
    } finally {
      rmSync(dataDir, { recursive: true, force: true })
    }
  })
  return { java, classpath, flags }
}

export const startBroker = async (options: BrokerOptions = {}): Promise<Broker> => {
  const installation = await installKafka(options.progress ?? (() => {}))
  const temporary = options.dataDir === undefined
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'millrace-kafka-'))
  mkdirSync(dataDir, { recursive: true })
  const port = options.port ?? (await freePort())
  const startedMs = Date.now()
  const child = await startJvm(installation, installation.flags, dataDir, port, options)
  return {
    bootstrap: `127.0.0.1:${port}`,
    port,
    pid: child.pid,
    dataDir,
    startMs: Date.now() - startedMs,
    alive: () => child.alive(),
    stop: async () => {
      await child.end('SIGTERM')
      if (temporary) rmSync(dataDir, { recursive: true, force: true })
    },
    kill: () => child.end('SIGKILL'),
  }
}
