import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, launch, untilReady, type Child } from './child.ts'
import { fastStart, fetchByMaven, findJava, type Java, type Progress } from './java.ts'

// A real schema registry with the Confluent API (Apicurio Registry) on loopback, without Docker.

export interface RegistryOptions {
  /** Default: any free port. */
  readonly port?: number
  /** Keeps subjects and ids over restarts. Default: a temporary folder, deleted by `stop`. */
  readonly dataDir?: string
  readonly detached?: boolean
  readonly progress?: Progress
}

export interface Registry {
  /** Base address of the Confluent API, without a slash at the end. */
  readonly url: string
  readonly port: number
  readonly pid: number
  readonly dataDir: string
  readonly startMs: number
  alive(): boolean
  stop(): Promise<void>
  /** SIGKILL; the data folder stays. */
  kill(): Promise<void>
}

const version = '3.0.9'
const basePath = '/apis/ccompat/v7'

export const registryUrl = (port: number): string => `http://127.0.0.1:${port}${basePath}`

/** True when the Confluent API at `url` answers. Never throws. */
export const registryReady = async (url: string): Promise<boolean> => {
  try {
    const response = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(2_000) })
    return response.ok
  } catch {
    // Refused or too slow: not ready yet.
    return false
  }
}

/** Apicurio checks nothing by default; Confluent's registry, which others run, refuses incompatible schemas. */
export const setBackwardCompatibility = async (url: string): Promise<void> => {
  const response = await fetch(`${url}/config`, {
    method: 'PUT',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ compatibility: 'BACKWARD' }),
  })
  if (!response.ok) throw new Error(`The schema registry at ${url} answered ${response.status} to PUT /config.`)
}

const startJvm = async (
  java: Java,
  folder: string,
  flags: readonly string[],
  dataDir: string,
  port: number,
  detached: boolean,
): Promise<Child> => {
  const properties = {
    'quarkus.http.host': '127.0.0.1',
    'quarkus.http.port': port,
    // Left alone it listens on 0.0.0.0:9000.
    'quarkus.management.host': '127.0.0.1',
    'quarkus.management.port': await freePort(),
    'quarkus.otel.sdk.disabled': true,
    'quarkus.log.level': 'WARN',
    'apicurio.storage.kind': 'sql',
    'apicurio.storage.sql.kind': 'h2',
    'apicurio.datasource.url': `jdbc:h2:file:${join(dataDir, 'registry')}`,
  }
  const child = await launch({
    command: java.command,
    args: [
      '-Xmx384m',
      ...flags,
      ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
      '-jar',
      join(folder, `apicurio-registry-app-${version}-runner.jar`),
    ],
    cwd: dataDir,
    logFile: join(dataDir, 'registry.log'),
    detached,
  })
  await untilReady('The schema registry', child, () => registryReady(registryUrl(port)), 120_000)
  return child
}

export const startRegistry = async (options: RegistryOptions = {}): Promise<Registry> => {
  const progress = options.progress ?? (() => {})
  const java = findJava()
  const folder = await fetchByMaven('registry', version, ['dependency:unpack'], progress)
  const flags = await fastStart('the schema registry', folder, java, progress, async trainFlags => {
    const dataDir = mkdtempSync(join(tmpdir(), 'millrace-registry-'))
    try {
      const child = await startJvm(java, folder, trainFlags, dataDir, await freePort(), false)
      await child.end('SIGTERM', 60_000)
    } finally {
      rmSync(dataDir, { recursive: true, force: true })
    }
  })
  const temporary = options.dataDir === undefined
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'millrace-registry-'))
  mkdirSync(dataDir, { recursive: true })
  const port = options.port ?? (await freePort())
  const startedMs = Date.now()
  const child = await startJvm(java, folder, flags, dataDir, port, options.detached ?? false)
  await setBackwardCompatibility(registryUrl(port))
  return {
    url: registryUrl(port),
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
