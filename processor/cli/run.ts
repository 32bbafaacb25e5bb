import type { Registry } from '../../schemas/registry.ts'
import { fraudTopology } from '../../topology/fraud/topology.ts'
import { AppError } from '../errors.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import { figuresOf } from '../observe/figures.ts'
import { LiveSummary } from '../observe/live.ts'
import { Metrics } from '../observe/metrics.ts'
import { OutcomeReader } from '../observe/outcomes.ts'
import { total, type Read } from '../observe/readings.ts'
import type { Output } from '../observe/screen.ts'
import { startServer } from '../observe/server.ts'
import type { Kafka, World } from '../ports.ts'
import { type App, createApp } from '../runtime/app.ts'
import { levelStores } from '../state/level.ts'
import { processId } from '../state/process-id.ts'
import type { RunOptions } from './command.ts'
import { rulesWith } from './flagship.ts'
import { readToken } from './token-file.ts'

export interface ProcessorContext {
  readonly kafka: Kafka
  readonly registry: Registry
  readonly world: World
  readonly output: Output
  readonly colours: boolean
  readonly signal: AbortSignal
  /** A line for people. */
  readonly say: (line: string) => void
  /** Resolves when a broker answers; false: stopped meanwhile. */
  readonly waitForKafka: () => Promise<boolean>
}

/** Runs the flagship until the signal comes; rejects with what ended it before. */
export async function runProcessor(options: RunOptions, context: ProcessorContext): Promise<void> {
  const { kafka, world, signal, say, registry } = context
  const token = options.httpTokenFile === null ? {} : { token: readToken(options.httpTokenFile) }
  // First of all: a folder that is in use, or an address that is not, is told before anything is waited for.
  const stores = await levelStores(options.stateFolder, options.instance ?? undefined)
  try {
    const isNamed = options.instance !== null
    let app: App | null = null
    const read: Read = () => app!.read()
    const metrics = new Metrics(read)
    const ruleSet = rulesWith(options.highAmountUnits)
    let committed = metrics.committed.bind(metrics)
    app = createApp(fraudTopology({ ruleSet }), {
      application: options.application,
      // Without a name of its own a process is known by what it keeps in its folder.
      instance: isNamed ? stores.instance : `${stores.instance}-${processId(stores.folder, world.random)}`,
      kafka,
      registry,
      stores,
      world,
      partitionOf,
      guarantee: options.guarantee,
      standbyReplicas: options.standbyReplicas,
      commitIntervalMs: options.commitIntervalMs,
      transactionTimeoutMs: Math.max(30_000, options.commitIntervalMs * 3),
      cacheBytes: options.cacheBytes,
      onCommitted: seconds => committed(seconds),
    })
    const server = await startServer({ address: options.http, metrics, read, ...token })
    const url = `${server.url}/metrics`
    say(
      `application ${options.application}, instance ${stores.instance}, state in ${stores.folder}, ${options.guarantee}; metrics: ${url}`,
    )
    const summary = new LiveSummary({
      world,
      output: context.output,
      colours: context.colours,
      title: `${options.application} on Kafka`,
      feed: null,
      url,
      read,
      rssBytes: () => process.memoryUsage.rss(),
    })
    committed = seconds => {
      metrics.committed(seconds)
      summary.committed(seconds)
    }
    try {
      await work(app, options.summary ? summary : null, context)
    } finally {
      summary.leave()
      await app.stop()
      await server.close()
    }
  } finally {
    await stores.release()
  }
  if (signal.aborted) say('stopped')
}

async function work(app: App, summary: LiveSummary | null, context: ProcessorContext): Promise<void> {
  const { signal, say, world } = context
  const stop = (): void => void app.stop()
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  if (!(await context.waitForKafka())) return
  const startedMs = world.clock.monotonic()
  const shown = new AbortController()
  const starting = summary?.run(null, shown.signal)
  try {
    await app.start()
  } catch (error) {
    if (signal.aborted) return
    throw error instanceof Error && 'code' in error && error.code === 'TOPIC_MISSING' ? withAdvice(error) : error
  } finally {
    shown.abort()
    await starting
  }
  say('running')
  if (summary !== null) await follow(app, summary, context)
  await app.done
  const seconds = (world.clock.monotonic() - startedMs) / 1000
  const records = [...app.compiled.inputs].reduce(
    (sum, { name }) => sum + total(app.read(), counts => counts.records, name),
    0,
  )
  say(`${records} payments processed in ${seconds.toFixed(1)} s`)
}

const withAdvice = (error: Error): AppError =>
  new AppError('TOPIC_MISSING', `${error.message} (npm run init creates the topics of this application.)`, {
    cause: error,
  })

/** Shows what is written from now on, by all instances, until the application ends. */
async function follow(app: App, summary: LiveSummary, { kafka, registry, world }: ProcessorContext): Promise<void> {
  const ended = new AbortController()
  const over = app.done.finally(() => ended.abort()).catch(() => undefined)
  const startedMs = world.clock.monotonic()
  const reader = await OutcomeReader.open({ kafka, registry, from: 'latest' })
  try {
    await summary.run(reader, ended.signal)
    await over
    await reader.finish()
    summary.end(figuresOf(app.read(), reader.outcomes), (world.clock.monotonic() - startedMs) / 1000)
  } catch (error) {
    // Only for show: the application goes on without it.
    world.log.warn({ error }, 'the summary has ended')
    await over
  } finally {
    await reader.close()
  }
}
