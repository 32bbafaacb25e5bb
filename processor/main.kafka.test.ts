import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { topicSettings } from '../schemas/payments/topics.ts'
import { compile } from '../topology/compile.ts'
import { fraudTopology } from '../topology/fraud/topology.ts'
import { internalTopics } from '../topology/names.ts'
import { nativeKafka } from './kafka/native/client.ts'
import { tcpTransport } from './kafka/native/tcp.ts'
import { silentLog, systemWorld } from './world.ts'

// The program as operators start it, on real Kafka: another process, its exit code and what it says.

const brokers = inject('kafkaBrokers')
const registry = inject('schemaRegistryUrl')
const folder = mkdtempSync(join(tmpdir(), 'millrace-main-'))
const root = join(import.meta.dirname, '..')
const [host = '', port = ''] = brokers.split(',')[0]!.split(':')
const kafka = nativeKafka({
  transport: tcpTransport({ bootstrap: [{ host, port: Number(port) }] }),
  world: systemWorld(silentLog),
  clientId: 'main-test',
})
const topics = topicSettings.map(topic => topic.name)
const compiled = compile(fraudTopology())

class Program {
  readonly child: ChildProcess
  out = ''
  err = ''
  readonly #ended: Promise<number | null>
  #changed: () => void = () => undefined

  constructor(script: string, args: readonly string[], environment: Record<string, string> = {}) {
    const env = { ...process.env, KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: registry, ...environment }
    this.child = spawn(process.execPath, [join(root, script), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout!.on('data', data => this.#take('out', String(data)))
    this.child.stderr!.on('data', data => this.#take('err', String(data)))
    this.#ended = once(this.child, 'close').then(([code]) => code as number | null)
    programs.push(this)
  }

  #take(stream: 'out' | 'err', data: string): void {
    this[stream] += data
    this.#changed()
  }

  get ended(): Promise<number | null> {
    return this.#ended
  }

  /** Resolves when stderr holds the text; rejects when the program ends without having said it. */
  async says(text: string): Promise<void> {
    const over = this.#ended.then(code => {
      if (!this.err.includes(text))
        throw new Error(`it ended with ${code} and did not say '${text}', but:\n${this.err}`)
    })
    while (!this.err.includes(text)) {
      const changed = new Promise<void>(resolve => {
        this.#changed = resolve
      })
      await Promise.race([changed, over])
    }
  }

  /** Lines of stderr that are not of the log. */
  get lines(): string[] {
    return this.err
      .trimEnd()
      .split('\n')
      .filter(line => !line.startsWith('{'))
  }
}

const programs: Program[] = []
const processor = (args: readonly string[], environment = {}): Program =>
  new Program('processor/main.ts', args, environment)
const state = (name: string): string[] => [
  '--state',
  join(folder, name),
  '--http',
  '127.0.0.1:0',
  '--log-level',
  'warn',
]

/** Records that a reader from the beginning gets. */
async function recordsIn(name: string): Promise<number> {
  const admin = kafka.admin()
  const { partitions } = (await admin.topics([name])).get(name)!
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition }))
  const sum = (offsets: readonly { offset: number }[]): number => offsets.reduce((total, at) => total + at.offset, 0)
  return (
    sum(await admin.offsets(all, 'latest', 'read_committed')) -
    sum(await admin.offsets(all, 'earliest', 'read_committed'))
  )
}

beforeAll(() => kafka.connect())

afterEach(async () => {
  for (const { child, ended } of programs.splice(0)) {
    if (child.exitCode === null) child.kill('SIGKILL')
    await ended
  }
})

afterAll(async () => {
  // The flagship's own topics stay: on a broker that the environment names they may hold data of others.
  const internal = ['main-run', 'main-width', 'main-no-registry'].flatMap(application =>
    internalTopics(compiled, application),
  )
  const there = await kafka.admin().topics(internal)
  await kafka.admin().deleteTopics([...there.keys()])
  await kafka.close()
  rmSync(folder, { recursive: true, force: true })
})

test('init makes topics and subjects, and again changes nothing', async () => {
  const first = processor(['init'], {})
  expect(await first.ended).toBe(0)
  expect(first.err).toMatch(/^topic payments: (created|there), \d+ partitions$/m)
  expect(first.err).toContain('subject fraud_alerts-value: registered')
  const again = processor(['init'])
  expect(await again.ended).toBe(0)
  expect(again.err).toMatch(/^topic payments: there, \d+ partitions$/m)
  expect(again.err).not.toContain('created')
  const subjects = (await (await fetch(`${registry}/subjects`)).json()) as string[]
  expect(subjects).toEqual(expect.arrayContaining(topics.map(topic => `${topic}-value`)))
  expect([...(await kafka.admin().topics(topics)).keys()].toSorted()).toEqual(topics.toSorted())
})

test('payments in, alerts out; the state folder is held, a restart goes on, SIGTERM ends it', async () => {
  const args = [...state('run'), '--application', 'main-run', '--summary']
  const program = processor(args)
  await program.says('running')
  const url = /http:\/\/[\d.:]+/.exec(program.err)![0]
  expect((await fetch(`${url}/health/ready`)).status).toBe(200)

  const named = processor([...args, '--instance', 'instance-0'])
  expect(await named.ended).toBe(1)
  expect(named.lines.at(-1)).toMatch(/^error: The state folder .*instance-0 is in use .* \[STATE_IN_USE\]$/)

  const producer = new Program('producer/main.ts', ['--count', '6000', '--seed', '7', '--rate', 'max'])
  expect(await producer.ended).toBe(0)
  const processed = async (): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`)).text()
    return [...text.matchAll(/^millrace_records_processed_total\{.*topic="payments"\} (\d+)$/gm)].reduce(
      (sum, match) => sum + Number(match[1]),
      0,
    )
  }
  const waiting = await recordsIn('payments')
  expect(waiting).toBeGreaterThanOrEqual(6000)
  while ((await processed()) < waiting) expect(program.child.exitCode).toBeNull()
  const stoppedAt = performance.now()
  program.child.kill('SIGTERM')
  expect(await program.ended).toBe(0)
  expect(performance.now() - stoppedAt).toBeLessThan(10_000)
  expect(program.err).toContain(`\n${waiting} payments processed`)
  expect(program.out).toMatch(/\n[\d,]+ payments in .*\n.* valid, .*\n {2}\d+ alerts \(.*velocity \d+/)

  const restarted = processor(args)
  await restarted.says('running')
  restarted.child.kill('SIGINT')
  expect(await restarted.ended).toBe(0)
  expect(restarted.err).toContain('0 payments processed')
})

test('no broker: it waits and says so, and a signal ends it', async () => {
  const free = createServer().listen(0, '127.0.0.1')
  await once(free, 'listening')
  const address = free.address() as { port: number }
  free.close()
  await once(free, 'close')
  const program = processor(state('no-broker'), { KAFKA_BROKERS: `127.0.0.1:${address.port}` })
  await program.says(`Waiting: no broker answers at 127.0.0.1:${address.port}.`)
  program.child.kill('SIGTERM')
  expect(await program.ended).toBe(0)
})

test('no schema registry: it waits and says so, and a signal ends it', async () => {
  const program = processor([...state('no-registry'), '--application', 'main-no-registry'], {
    SCHEMA_REGISTRY_URL: 'http://127.0.0.1:9',
  })
  await program.says('Waiting: The schema registry at http://127.0.0.1:9 gives no answer')
  program.child.kill('SIGTERM')
  expect(await program.ended).toBe(0)
})

test('internal topics of another width are refused', async () => {
  await kafka
    .admin()
    .createTopics([
      { name: 'main-width-seen-payments-changelog', partitions: 97, configs: { 'cleanup.policy': 'compact' } },
    ])
  const program = processor([...state('width'), '--application', 'main-width'])
  expect(await program.ended).toBe(1)
  expect(program.lines.at(-1)).toMatch(
    /main-width-seen-payments-changelog.* has 97 partitions.*needs \d+\..* \[PARTITIONS_DIFFER\]$/,
  )
})
