import { expect, onTestFinished, test } from 'vitest'
import { memoryRegistry } from '../../schemas/registry-memory.ts'
import { embeddedBroker } from '../embedded/broker.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import type { BrokerAddress, Channel, Kafka, Transport } from '../ports.ts'
import { memoryStores } from '../state/memory.ts'
import type { Stores } from '../state-port.ts'
import { createLedgerTopics, faultsOf, ledgerTopics } from '../testing/ledger-testing.ts'
import { Load, Replicas, Watch } from '../testing/replicas-testing.ts'
import { silentLog, systemWorld } from '../world.ts'
import type { AppOptions } from './app.ts'

const world = systemWorld(silentLog)

/** Holds up what goes over it while it is stopped, as if the process were: nothing is lost. */
class Line implements Transport {
  readonly #real: Transport
  #stopped: PromiseWithResolvers<void> | null = null

  constructor(real: Transport) {
    this.#real = real
  }

  get bootstrap(): Transport['bootstrap'] {
    return this.#real.bootstrap
  }

  stop(): void {
    this.#stopped ??= Promise.withResolvers()
  }

  go(): void {
    this.#stopped?.resolve()
    this.#stopped = null
  }

  async connect(address: BrokerAddress, options: { clientId: string; timeoutMs: number }): Promise<Channel> {
    const channel = await this.#real.connect(address, { ...options, timeoutMs: 60_000 })
    const request = async <Answer>(api: string, version: number, body: object): Promise<Answer> => {
      await this.#stopped?.promise
      const answer = await channel.request<Answer>(api, version, body)
      await this.#stopped?.promise
      return answer
    }
    return {
      get open() {
        return channel.open
      },
      request,
      close: () => channel.close(),
    }
  }
}

interface Bench {
  readonly kafka: Kafka
  readonly replicas: Replicas
  readonly load: Load
  readonly watch: Watch
  /** Between a replica and the broker. */
  line(replica: string): Line
  /** Ends the input, has all of it processed, and answers what is wrong. */
  finish(): Promise<string[]>
}

async function open(settings: Partial<AppOptions> = {}): Promise<Bench> {
  const broker = embeddedBroker({ world, defaults: { minSessionTimeoutMs: 500 } })
  const lines = new Map<string, Line>()
  const connect = async (name = ''): Promise<Kafka> => {
    const line = new Line(broker.transport())
    lines.set(name, line)
    const kafka = nativeKafka({ transport: line, world, clientId: 'test' })
    await kafka.connect()
    return kafka
  }
  const kafka = await connect()
  const topics = ledgerTopics('')
  await createLedgerTopics(kafka, topics)
  const replicas = new Replicas({
    connect,
    registry: memoryRegistry(),
    world,
    topics,
    application: 'ledger',
    settings: { sessionTimeoutMs: 1200, ...settings },
  })
  const load = new Load(kafka, topics, world)
  const watch = new Watch(kafka, topics, world)
  onTestFinished(async () => {
    await load.end()
    await replicas.stopAll()
    await watch.close()
    await kafka.close()
    broker.close()
  })
  const finish = async (): Promise<string[]> => {
    await load.end()
    while (watch.total < load.sent) await world.scheduler.sleep(10)
    await replicas.stopAll()
    return faultsOf(kafka, topics, load.sent)
  }
  return { kafka, replicas, load, watch, line: name => lines.get(name)!, finish }
}

test('one to three replicas and back, under load: nothing is lost or doubled, and nothing stands still for long', async () => {
  const { replicas, watch, finish } = await open()
  await replicas.start('a')
  await watch.flows()
  const startMs = watch.now()
  await Promise.all([replicas.start('b'), replicas.start('c')])
  await replicas.settled()
  expect(replicas.counts()).toEqual([4, 4, 4])
  await watch.flows()
  await replicas.stop('a')
  await replicas.settled()
  await watch.flows()
  await replicas.stop('c')
  await replicas.settled()
  await watch.flows()
  expect(Math.max(...watch.gaps(startMs, watch.now()))).toBeLessThan(3000)
  expect(await finish()).toEqual([])
}, 30_000)

test('at least once: without failures nothing is lost or doubled either', async () => {
  const { replicas, watch, finish } = await open({ guarantee: 'at_least_once' })
  await replicas.start('a')
  await watch.flows()
  await Promise.all([replicas.start('b'), replicas.start('c')])
  await replicas.settled()
  await watch.flows()
  await replicas.stop('a')
  await replicas.settled()
  await watch.flows()
  expect(await finish()).toEqual([])
}, 30_000)

const sessionMs = 1200
/** A long transaction that is sent as it grows: whoever dies leaves it open, for half a minute unless it is fenced. */
const longTransactions = {
  commitIntervalMs: 400,
  sendBytes: 0,
  transactionTimeoutMs: 30_000,
  sessionTimeoutMs: sessionMs,
}

test('one of three vanishes: the others end its transaction and take over after its session', async () => {
  const { replicas, watch, finish } = await open(longTransactions)
  await Promise.all(['a', 'b', 'c'].map(name => replicas.start(name)))
  await replicas.settled()
  await watch.flows()
  const startMs = watch.now()
  await replicas.vanish('b')
  await replicas.settled()
  expect(replicas.counts()).toEqual([6, 6])
  await watch.flows()
  const longest = Math.max(...watch.gaps(startMs, watch.now()))
  expect(longest).toBeGreaterThan(sessionMs / 2)
  expect(longest).toBeLessThan(sessionMs + 3000)
  expect(await finish()).toEqual([])
}, 30_000)

test('two of three vanish at once, the leader among them', async () => {
  const { replicas, watch, finish } = await open(longTransactions)
  for (const name of ['a', 'b', 'c']) await replicas.start(name)
  await replicas.settled()
  await watch.flows()
  const startMs = watch.now()
  await Promise.all([replicas.vanish('a'), replicas.vanish('b')])
  await replicas.settled()
  await watch.flows()
  expect(Math.max(...watch.gaps(startMs, watch.now()))).toBeLessThan(sessionMs + 3000)
  expect(await finish()).toEqual([])
}, 30_000)

test('all vanish and another comes: it ends their transactions, of which nobody can tell it', async () => {
  const { replicas, watch, finish } = await open(longTransactions)
  for (const name of ['a', 'b', 'c']) await replicas.start(name)
  await replicas.settled()
  await watch.flows()
  const startMs = watch.now()
  await Promise.all(['a', 'b', 'c'].map(name => replicas.vanish(name)))
  await replicas.start('d')
  await watch.flows()
  expect(Math.max(...watch.gaps(startMs, watch.now()))).toBeLessThan(sessionMs + 5000)
  expect(await finish()).toEqual([])
}, 30_000)

test('a replica that stood still for longer than its session is refused, gives up its tasks and comes back', async () => {
  const { replicas, watch, line, finish } = await open(longTransactions)
  for (const name of ['a', 'b']) await replicas.start(name)
  await replicas.settled()
  await watch.flows()
  line('b').stop()
  const { a, b } = { a: replicas.get('a'), b: replicas.get('b') }
  while (a.worker!.tasks.size < 12) await world.scheduler.sleep(10)
  await watch.flows()
  const { aborts } = b.read()
  line('b').go()
  await replicas.settled()
  expect(b.read().aborts).toBeGreaterThanOrEqual(aborts)
  expect(b.state).toBe('running')
  await watch.flows()
  expect(await finish()).toEqual([])
}, 30_000)

test('a static member that comes back within its session finds its tasks, and the others do not notice', async () => {
  const { replicas, watch, finish } = await open({ ...longTransactions, isStatic: true, sessionTimeoutMs: 6000 })
  for (const name of ['a', 'b']) await replicas.start(name)
  await replicas.settled()
  await watch.flows()
  const had = [...replicas.get('b').worker!.tasks.keys()].toSorted()
  const { generations } = replicas.get('a').read()
  await replicas.vanish('b')
  const back = await replicas.start('b')
  expect([...back.worker!.tasks.keys()].toSorted()).toEqual(had)
  expect(replicas.get('a').read().generations).toBe(generations)
  await watch.flows()
  expect(await finish()).toEqual([])
}, 30_000)

test('of two processes with one instance name the older ends, and says why', async () => {
  const { replicas, watch, finish } = await open({ isStatic: true })
  const older = await replicas.start('older', { instance: 'twin' })
  await watch.flows()
  const newer = await replicas.start('newer', { instance: 'twin', stores: memoryStores() })
  await expect(older.done).rejects.toMatchObject({
    code: 'FENCED',
    message: expect.stringContaining('under the instance name ledger-twin'),
  })
  await replicas.forget('older')
  expect(newer.state).toBe('running')
  await watch.flows()
  expect(await finish()).toEqual([])
}, 30_000)

/** Stores that open when they are let. */
function slowStores(): { stores: Stores; asked: Set<string>; letOpen: () => void } {
  const real = memoryStores()
  const gate = Promise.withResolvers<void>()
  const asked = new Set<string>()
  const open = async (task: string): ReturnType<Stores['open']> => {
    asked.add(task)
    await gate.promise
    return real.open(task)
  }
  return { stores: { open, destroy: task => real.destroy(task) }, asked, letOpen: gate.resolve }
}

test('while tasks are opened those that run go on committing, and what is taken away meanwhile is let go', async () => {
  const { replicas, watch, finish } = await open()
  await replicas.start('a')
  await replicas.start('b')
  await replicas.settled()
  const { stores, asked, letOpen } = slowStores()
  const joining = replicas.start('c', { stores })
  while (asked.size < 1) await world.scheduler.sleep(10)
  const { commits } = replicas.get('a').read()
  while (replicas.get('a').read().commits < commits + 10) await world.scheduler.sleep(10)
  expect(replicas.get('c').state).toBe('restoring')
  // A fourth takes some of what the third has not opened yet.
  const fourth = replicas.start('d')
  while (replicas.get('a').read().generations < 4) await world.scheduler.sleep(10)
  letOpen()
  await Promise.all([joining, fourth])
  await replicas.settled()
  expect(replicas.counts()).toEqual([3, 3, 3, 3])
  await watch.flows()
  expect(await finish()).toEqual([])
}, 30_000)

test('a replica stops within seconds while it opens tasks, and while the broker does not answer', async () => {
  const { replicas, watch, line, finish } = await open()
  await replicas.start('a')
  await watch.flows()
  const { stores, asked, letOpen } = slowStores()
  const joining = replicas.start('b', { stores }).catch(() => 'stopped')
  while (asked.size < 1) await world.scheduler.sleep(10)
  const startMs = watch.now()
  await replicas.stop('b')
  expect(watch.now() - startMs).toBeLessThan(4000)
  expect(await joining).toBe('stopped')
  letOpen()
  await replicas.start('c')
  await replicas.settled()
  line('c').stop()
  const stoppingMs = watch.now()
  await replicas.stop('c')
  expect(watch.now() - stoppingMs).toBeLessThan(10_000)
  await watch.flows()
  expect(await finish()).toEqual([])
}, 40_000)
