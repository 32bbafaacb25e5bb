import { mkdirSync } from 'node:fs'
import { restRegistry } from '../../schemas/registry-rest.ts'
import { compile } from '../../topology/compile.ts'
import { internalTopics } from '../../topology/names.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import { tcpTransport } from '../kafka/native/tcp.ts'
import type { Kafka, World } from '../ports.ts'
import { createTopics, flagship } from '../testing/flagship-testing.ts'
import { partitionsOf } from '../testing/read-rows.ts'
import { Aborted } from './aborted.ts'
import { Brokers } from './brokers.ts'
import { Feeder } from './feeder.ts'
import { type ChaosRun, judgeRun, ofKills, type Scene, summary } from './judge-run.ts'
import { Nemesis } from './nemesis.ts'
import type { ChaosOptions } from './options.ts'
import { type Counts, planFor } from './plan.ts'
import { Progress } from './progress.ts'
import { Replicas } from './replicas.ts'
import { Witness } from './witness.ts'

export interface RunOptions extends ChaosOptions {
  readonly counts: Counts
  readonly registryUrl: string
  /** For everything that the run keeps; made by the caller, and the caller's to delete. */
  readonly folder: string
  readonly world: World
  readonly say: (line: string) => void
}

const application = 'chaos'
const partitions = 6
const sessionTimeoutMs = 6000
const commitIntervalMs = 400
const sayEveryMs = 5000
const startMostMs = 120_000
/** After the last fault everything is committed within this time of the last progress. */
const standstillMostMs = 60_000

export async function runChaos(options: RunOptions): Promise<ChaosRun> {
  const { folder, world, say, brokers: count } = options
  mkdirSync(folder, { recursive: true })
  say(`starting ${count === 1 ? 'a broker' : `${count} brokers`}; everything is in ${folder}`)
  const brokers = await Brokers.start(count, folder, say)
  const kafka = nativeKafka({ transport: tcpTransport({ bootstrap: brokers.addresses }), world, clientId: 'chaos' })
  try {
    await kafka.connect()
    return await onBrokers(options, brokers, kafka)
  } finally {
    await kafka.close()
    await brokers.close()
  }
}

async function onBrokers(options: RunOptions, brokers: Brokers, kafka: Kafka): Promise<ChaosRun> {
  const { folder, world, say, registryUrl, rate, seed, replicas: replicaCount } = options
  const registry = restRegistry({ url: registryUrl })
  const topics = await createTopics(kafka, '', partitions)
  const replicas = new Replicas({
    brokers: brokers.addresses,
    registryUrl,
    application,
    folder,
    sessionTimeoutMs,
    standbyReplicas: options.standbys,
    commitIntervalMs,
    world,
  })
  const outputs = [topics.alerts, topics.analytics, topics.rejected, topics.late].map(topic => topic.name)
  const witness = await Witness.open(kafka, outputs)
  const progress = new Progress(kafka, world, application, await partitionsOf(kafka, topics.payments.name))
  const customers = 2000 * Math.max(1, options.minutes)
  const feeder = new Feeder({ kafka, registry, world, topics, partitions, rate, seed, customers })
  const nemesis = new Nemesis({ world, brokers, replicas, replicaCount, progress, sessionTimeoutMs, say })
  const closing = new AbortController()
  let aborted: Aborted | null = null
  const saying = sayWhile(closing.signal, { options, feeder, progress, nemesis, witness, aborted: () => aborted })
  try {
    const starting = Array.from({ length: replicaCount }, (_, index) => replicas.start(index))
    for (const replica of starting) {
      if (!(await replica.says('running', startMostMs))) throw new Error(`A replica did not start; see ${folder}.`)
    }
    if ((await progress.recovery(world.clock.monotonic(), startMostMs)).includes(Infinity)) {
      throw new Error('Nothing is processed.', { cause: feeder.failure })
    }
    // By now there are its own topics too.
    aborted = await Aborted.open(kafka, [...outputs, ...internalTopics(compile(flagship('')), application)])
    await attack(options, nemesis, feeder)
    await heal(options, { feeder, progress, replicas })
    await replicas.stopAll()
    const scene: Scene = { kafka, registry, topics, application, replicas, nemesis, witness, aborted, feeder }
    return await judgeRun(scene, say)
  } finally {
    closing.abort()
    await saying
    await replicas.killAll()
    await progress.close()
    await witness.close()
    await aborted?.close()
  }
}

/** All of the plan, spread over the minutes. */
async function attack(options: RunOptions, nemesis: Nemesis, feeder: Feeder): Promise<void> {
  const { world, seed, counts, replicas, brokers, minutes } = options
  const { clock, scheduler } = world
  const plan = planFor(seed, counts, { replicas, brokers })
  const endMs = clock.monotonic() + minutes * 60_000
  for (const [index, action] of plan.entries()) {
    const startedMs = clock.monotonic()
    const shareMs = (endMs - startedMs) / (plan.length - index)
    if (feeder.failure !== null) throw new Error('No payments come any more.', { cause: feeder.failure })
    await nemesis.act(action)
    await scheduler.sleep(Math.max(300, shareMs - (clock.monotonic() - startedMs)))
  }
}

/** Ends the input, and waits until all of it is committed. */
async function heal(
  { world, say }: RunOptions,
  { feeder, progress, replicas }: { feeder: Feeder; progress: Progress; replicas: Replicas },
): Promise<void> {
  const { clock, scheduler } = world
  if ((await progress.recovery(clock.monotonic(), standstillMostMs)).includes(Infinity)) {
    throw new Error('A partition stands still after the last fault.')
  }
  await feeder.end()
  say('the input has ended')
  let [last, lastMs] = [progress.total, clock.monotonic()]
  while ((await progress.lag()) > 0 || !replicas.haveEnded) {
    if (progress.total > last) [last, lastMs] = [progress.total, clock.monotonic()]
    if (clock.monotonic() - lastMs > standstillMostMs) {
      replicas.surprises.push(`${await progress.lag()} records of the input were not committed in the end`)
      return
    }
    await scheduler.sleep(100)
  }
}

async function sayWhile(
  signal: AbortSignal,
  parts: {
    options: RunOptions
    feeder: Feeder
    progress: Progress
    nemesis: Nemesis
    witness: Witness
    aborted: () => Aborted | null
  },
): Promise<void> {
  const { options, feeder, progress, nemesis, witness, aborted } = parts
  const planned = Object.values(options.counts).reduce((sum, count) => sum + count, 0)
  const { clock, scheduler } = options.world
  const startMs = clock.monotonic()
  for (;;) {
    await scheduler.sleep(sayEveryMs, signal)
    if (signal.aborted) return
    const seconds = Math.round((clock.monotonic() - startMs) / 1000)
    options.say(
      `${seconds} s: ${feeder.sent} payments sent, ${progress.total} committed, ${witness.records} results seen, ` +
        `${witness.doubles.length} doubles, ${aborted()?.records ?? 0} records aborted; ` +
        `${nemesis.actions} of ${planned} faults: ${nemesis.kills} kills, ${nemesis.zombies} zombies, ` +
        `${nemesis.brokerKills} broker kills; back after a kill: ${JSON.stringify(summary(ofKills(nemesis)))} ms`,
    )
  }
}
