import { payments } from '../../schemas/payments/topics.ts'
import type { Registry } from '../../schemas/registry.ts'
import { AppError } from '../errors.ts'
import { figuresOf } from '../observe/figures.ts'
import { LiveSummary } from '../observe/live.ts'
import { Metrics } from '../observe/metrics.ts'
import { OutcomeReader } from '../observe/outcomes.ts'
import { total, type Read } from '../observe/readings.ts'
import type { Output } from '../observe/screen.ts'
import { startServer } from '../observe/server.ts'
import type { Kafka, World } from '../ports.ts'
import { holdStateFolder } from '../state/level.ts'
import type { RunOptions } from './command.ts'
import { flagshipApp, type Runnable } from './runnable.ts'
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
  const { world, signal, say } = context
  const token = options.httpTokenFile === null ? {} : { token: readToken(options.httpTokenFile) }
  // First of all: a folder that is in use, or an address that is not, is told before anything is waited for.
  const state = await holdStateFolder(options.stateFolder, options.instance ?? undefined)
  try {
    let app: ReturnType<typeof flagshipApp> | null = null
    const read: Read = () => app!.read()
    const metrics = new Metrics(read)
    let onCommitted = metrics.committed.bind(metrics)
    app = flagshipApp(options, { ...context, state, onCommitted: seconds => onCommitted(seconds) })
    const server = await startServer({ address: options.http, metrics, read, ...token })
    const url = `${server.url}/metrics`
    say(
      `application ${options.application}, instance ${state.instance}${threadsText(options.threads)}, ` +
        `state in ${state.folder}, ${options.guarantee}; metrics: ${url}`,
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
    onCommitted = seconds => {
      metrics.committed(seconds)
      summary.committed(seconds)
    }
    try {
      await work(app, options.summary ? summary : null, context)
    } finally {
      summary.leave()
      await app.stop()
      await app.close()
      await server.close()
    }
  } finally {
    await state.release()
  }
  if (signal.aborted) say('stopped')
}

const threadsText = (threads: number): string => (threads === 1 ? '' : `, ${threads} threads`)

async function work(app: Runnable, summary: LiveSummary | null, context: ProcessorContext): Promise<void> {
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
  const records = total(app.read(), counts => counts.records, payments.name)
  say(`${records} payments processed in ${seconds.toFixed(1)} s`)
}

const withAdvice = (error: Error): AppError =>
  new AppError('TOPIC_MISSING', `${error.message} (npm run init creates the topics of this application.)`, {
    cause: error,
  })

/** Shows what is written from now on, by all instances, until the application ends. */
async function follow(
  app: Runnable,
  summary: LiveSummary,
  { kafka, registry, world }: ProcessorContext,
): Promise<void> {
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
