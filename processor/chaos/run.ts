import { mkdirSync } from 'node:fs'
import { restRegistry } from '../../schemas/registry-rest.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import { tcpTransport } from '../kafka/native/tcp.ts'
import type { Kafka, World } from '../ports.ts'
import { createTopics } from '../testing/flagship-testing.ts'
import { partitionsOf } from '../testing/read-rows.ts'
import { Brokers } from './brokers.ts'
import { Feeder } from './feeder.ts'
import { type ChaosRun, judgeRun, type Scene } from './judge-run.ts'
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
  const saying = sayWhile(closing.signal, { options, feeder, progress, nemesis, witness })
  try {
    const starting = Array.from({ length: replicaCount }, (_, index) => replicas.start(index))
    for (const replica of starting) {
      if (!(await replica.says('running', startMostMs))) throw new Error(`A replica did not start; see ${folder}.`)
    }
    if ((await progress.recovery(world.clock.monotonic(), startMostMs)) === null)
      throw new Error('Nothing is processed.')
    await attack(options, nemesis)
    await heal(options, { feeder, progress, replicas })
    await replicas.stopAll()
    const scene: Scene = { kafka, registry, topics, application, replicas, nemesis, witness, feeder }
    return await judgeRun(scene, say)
  } finally {
    closing.abort()
    await saying
    await replicas.killAll()
    await progress.close()
    await witness.close()
  }
}

/** All of the plan, spread over the minutes. */
async function attack(options: RunOptions, nemesis: Nemesis): Promise<void> {
  const { world, seed, counts, replicas, brokers, minutes } = options
  const { clock, scheduler } = world
  const plan = planFor(seed, counts, { replicas, brokers })
  const endMs = clock.monotonic() + minutes * 60_000
  for (const [index, action] of plan.entries()) {
    const startedMs = clock.monotonic()
    const shareMs = (endMs - startedMs) / (plan.length - index)
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
  parts: { options: RunOptions; feeder: Feeder; progress: Progress; nemesis: Nemesis; witness: Witness },
): Promise<void> {
  const { options, feeder, progress, nemesis, witness } = parts
  const { clock, scheduler } = options.world
  const startMs = clock.monotonic()
  for (;;) {
    await scheduler.sleep(sayEveryMs, signal)
    if (signal.aborted) return
    const seconds = Math.round((clock.monotonic() - startMs) / 1000)
    options.say(
      `${seconds} s: ${feeder.sent} payments sent, ${progress.total} committed, ${witness.records} results seen, ` +
        `${witness.doubles.length} doubles; ${nemesis.kills} kills, ${nemesis.zombies} zombies, ${nemesis.brokerKills} broker kills`,
    )
  }
}
