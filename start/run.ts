import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rulesWith } from '../processor/cli/flagship.ts'
import type { EmbeddedBroker } from '../processor/embedded/broker.ts'
import { partitionOf } from '../processor/kafka/native/murmur2.ts'
import { type Figures, figuresOf, imbalances } from '../processor/observe/figures.ts'
import { LiveSummary } from '../processor/observe/live.ts'
import { createLog } from '../processor/observe/log.ts'
import { Metrics } from '../processor/observe/metrics.ts'
import { OutcomeReader } from '../processor/observe/outcomes.ts'
import type { OpenTask, Read } from '../processor/observe/readings.ts'
import type { Output } from '../processor/observe/screen.ts'
import { startServer } from '../processor/observe/server.ts'
import type { World } from '../processor/ports.ts'
import { type App, createApp } from '../processor/runtime/app.ts'
import { levelStores } from '../processor/state/level.ts'
import { systemWorld } from '../processor/world.ts'
import type { Feed } from '../producer/emission.ts'
import { createFeed } from '../producer/feed.ts'
import { pump } from '../producer/pump.ts'
import { fraudTopology } from '../topology/fraud/topology.ts'
import { type Embedded, openEmbedded, openSink } from './embedded.ts'
import { HeldBackSink } from './held-back.ts'
import type { StartOptions } from './options.ts'
import { Trimmer } from './trim.ts'

export interface RunContext {
  /** For the summary. */
  readonly output: Output
  readonly errors: Output
  readonly colours: boolean
  /** Ends the run early, with a final summary. */
  readonly signal: AbortSignal
}

export interface RunResult extends Figures {
  readonly seconds: number
  readonly paymentsPerSecond: number
}

export interface RunEnd {
  readonly result: RunResult
  /** Whether the feed was sent to its end and every window is closed. */
  readonly isComplete: boolean
  /** What does not add up; empty: everything does. */
  readonly imbalances: readonly string[]
}

/** Records that may wait between producer and results. */
const waitingMost = 20_000

/** Runs producer, broker and processor in this process until the feed has ended or the signal comes. */
export async function run(options: StartOptions, context: RunContext): Promise<RunEnd> {
  const feed = await createFeed(options.feed)
  const folder = stateFolder(options)
  try {
    return await runIn(folder.path, feed, options, context)
  } finally {
    await feed.close()
    folder.remove()
  }
}

function stateFolder(options: StartOptions): { path: string; remove(): void } {
  if (options.stateFolder !== null) return { path: options.stateFolder, remove: () => undefined }
  const path = mkdtempSync(join(tmpdir(), 'millrace-'))
  const remove = (): void => rmSync(path, { recursive: true, force: true })
  // However the process ends: at a second Ctrl-C it does so without coming back here.
  process.once('exit', remove)
  return {
    path,
    remove() {
      process.removeListener('exit', remove)
      remove()
    },
  }
}

async function runIn(folder: string, feed: Feed, options: StartOptions, context: RunContext): Promise<RunEnd> {
  let say = (line: string): void => void context.errors.write(`${line}\n`)
  const log = createLog({
    level: options.logLevel,
    pretty: context.errors.isTTY === true,
    write: line => say(line.trimEnd()),
  })
  const world = systemWorld(log)
  const stores = await levelStores(folder)
  const embedded = await openEmbedded(world, options.partitions)
  try {
    const { kafka, registry, broker } = embedded
    const trimmer = new Trimmer(broker, kafka.admin())
    let app: App | null = null
    const read: Read = () => app!.read()
    const metrics = new Metrics(read)
    const server = await startServer({ address: options.http, metrics, read })
    const summary = new LiveSummary({
      world,
      output: context.output,
      colours: context.colours,
      title: 'fraud on the embedded broker',
      feed: feed.name,
      url: `${server.url}/metrics`,
      read,
      rssBytes: () => process.memoryUsage.rss(),
    })
    // Lines of the log go above the summary where both share a terminal.
    if (context.errors.isTTY === true && context.output.isTTY === true) say = line => summary.say(line)
    app = createApp(fraudTopology({ ruleSet: rulesWith(options.highAmountUnits) }), {
      instance: stores.instance,
      kafka,
      registry,
      stores: trimmer.guard(stores),
      world,
      partitionOf,
      guarantee: options.guarantee,
      commitIntervalMs: options.commitIntervalMs,
      transactionTimeoutMs: Math.max(30_000, options.commitIntervalMs * 3),
      cacheBytes: options.cacheBytes,
      // The changelogs' tails are in the memory of this process too: keep them short.
      flushBytes: 1 << 20,
      flushAgeMs: 2000,
      // A bounded input says where it ends, and until then a partition that is slow is waited for.
      ...(options.isBounded ? { idleMs: 0 } : {}),
      onCommitted(seconds) {
        metrics.committed(seconds)
        summary.committed(seconds)
      },
    })
    try {
      summary.say(`Payments: ${feed.name}. Metrics: ${server.url}/metrics`)
      return await drive({ app, embedded, feed, options, summary, trimmer, world, signal: context.signal })
    } finally {
      summary.leave()
      await app.stop()
      await server.close()
    }
  } finally {
    await embedded.close()
    await stores.release()
  }
}

interface Parts {
  readonly app: App
  readonly embedded: Embedded
  readonly feed: Feed
  readonly options: StartOptions
  readonly summary: LiveSummary
  readonly trimmer: Trimmer
  readonly world: World
  readonly signal: AbortSignal
}

async function drive(parts: Parts): Promise<RunEnd> {
  const { app, embedded, summary, trimmer, world, signal } = parts
  await app.start()
  const reader = await OutcomeReader.open({ kafka: embedded.kafka, registry: embedded.registry, from: 'earliest' })
  const stopping = new AbortController()
  const stopped = AbortSignal.any([signal, stopping.signal])
  const showing = summary.run(reader, stopping.signal, () => trimmer.trim(app.read().tasks, reader.positions))
  // Whatever fails first ends the run: the application, the feed, or the summary.
  const failing = Promise.race([app.done, showing])
  try {
    const startedMs = world.clock.monotonic()
    const isComplete = await Promise.race([feedToEnd(parts, stopped), failing.then(() => false)])
    const seconds = (world.clock.monotonic() - startedMs) / 1000
    await app.stop()
    await app.done
    stopping.abort()
    await showing
    await reader.finish()
    const figures = figuresOf(app.read(), reader.outcomes)
    summary.end(figures, seconds)
    const result = { ...figures, seconds: round(seconds), paymentsPerSecond: Math.round(figures.payments / seconds) }
    return { result, isComplete, imbalances: imbalances(figures, reader.outcomes) }
  } finally {
    stopping.abort()
    await showing.catch(() => undefined)
    await reader.close()
  }
}

const round = (seconds: number): number => Math.round(seconds * 1000) / 1000

/** Sends the feed; true when it came to its end, and every window is closed and committed. */
async function feedToEnd({ app, embedded, feed, options, world }: Parts, signal: AbortSignal): Promise<boolean> {
  const sink = new HeldBackSink({
    sink: await openSink(embedded),
    scheduler: world.scheduler,
    waiting: () => waitingRecords(embedded.broker, app.read().tasks),
    waitingMost,
    signal,
  })
  try {
    const { clock, scheduler } = world
    const { complete } = await pump({
      feed,
      sink,
      clock,
      scheduler,
      ratePerSecond: options.ratePerSecond,
      endMarks: true,
      signal,
    })
    if (!complete) return false
    await Promise.race([app.ended, aborted(signal)])
    return !signal.aborted
  } finally {
    await sink.close()
  }
}

/** Over all topics that tasks read, also those between them: none of them may grow without bound in memory. */
function waitingRecords(broker: EmbeddedBroker, tasks: readonly OpenTask[]): number {
  let waiting = 0
  for (const { sources } of tasks) {
    for (const { topic, partition, committedOffset } of sources) {
      waiting += Math.max(0, (broker.log(topic, partition)?.endOffset ?? 0) - committedOffset)
    }
  }
  return waiting
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
