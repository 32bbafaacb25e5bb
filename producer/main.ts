import type { Log } from '../processor/ports.ts'
import { systemWorld } from '../processor/world.ts'
import { paymentLabels, payments } from '../schemas/payments/topics.ts'
import { RegistryUnavailable } from '../schemas/registry.ts'
import { restRegistry } from '../schemas/registry-rest.ts'
import { createFeed } from './feed.ts'
import type { Feed } from './emission.ts'
import { connectKafka, KafkaTargetError } from './kafka.ts'
import { help, parseOptions, UsageError, type ProducerOptions } from './options.ts'
import { lineSink, statisticsSink } from './print.ts'
import { ProgressLine } from './progress.ts'
import { pump } from './pump.ts'
import { MappingError } from './replay/mapping.ts'
import { RowError } from './replay/rows.ts'
import { EmissionSink, type Sink } from './sink.ts'

const say = (text: string): void => void process.stderr.write(`${text}\n`)

/** Lines of the Kafka client: what went wrong and is being retried. */
const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields, message) => say(`kafka: ${message} ${JSON.stringify(fields)}`),
  error: (fields, message) => say(`kafka: ${message} ${JSON.stringify(fields)}`),
}

/**
 * kafkajs 2.2.4 sets timers that are overdue, which Node 24 complains about once a process (tulios/kafkajs#1751).
 * Nothing is wrong with them. Every other warning is shown.
 */
function hideTimerWarning(): void {
  const shown = process.listeners('warning')
  process.removeAllListeners('warning')
  process.on('warning', warning => {
    if (warning.name !== 'TimeoutNegativeWarning') for (const show of shown) show(warning)
  })
}

const write = (text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    process.stdout.write(text, error => (error ? reject(error) : resolve()))
  })

async function openSink(options: ProducerOptions): Promise<Sink> {
  const { target, labelDelayMs } = options
  if (target.kind === 'print') return target.what === 'lines' ? lineSink(write) : statisticsSink(write)
  const registry = restRegistry({ url: target.registry })
  const bind = { part: 'value', writes: true, registry } as const
  const payment = await payments.value.bind!({ topic: payments.name, ...bind })
  const labels =
    labelDelayMs === null
      ? undefined
      : { serde: await paymentLabels.value.bind!({ topic: paymentLabels.name, ...bind }), delayMs: labelDelayMs }
  const carrier = await connectKafka({
    brokers: target.brokers,
    payments: payments.name,
    labels: labels === undefined ? null : paymentLabels.name,
    log,
  })
  return new EmissionSink({ carrier, payment, ...(labels === undefined ? {} : { labels }) })
}

/** Stops at the first Ctrl-C after the batch under way, at the second at once. */
function stopOnSignal(): AbortSignal {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return controller.signal
}

async function run(options: ProducerOptions): Promise<void> {
  const world = systemWorld(log)
  const feed = await createFeed(options.feed)
  const progress = options.target.kind === 'print' ? null : new ProgressLine(process.stderr, feed.total)
  try {
    const sink = await openSink(options)
    try {
      if (progress !== null) say(`Sending ${feed.name}${pace(options.ratePerSecond)}.`)
      const { records, elapsedMs, complete } = await pump({
        feed,
        sink,
        clock: world.clock,
        scheduler: world.scheduler,
        ratePerSecond: options.target.kind === 'print' ? null : options.ratePerSecond,
        endMarks: options.endMarks,
        signal: stopOnSignal(),
        onBatch: (_, done) => progress?.update(done),
      })
      progress?.end({ records, elapsedMs }, complete)
    } finally {
      await sink.close()
    }
    tellSkipped(feed)
  } finally {
    await feed.close()
  }
}

const pace = (ratePerSecond: number | null): string =>
  ratePerSecond === null ? ' as fast as Kafka takes it' : ` at ${ratePerSecond.toLocaleString('en-US')} records/s`

function tellSkipped({ skipped }: Feed): void {
  if (skipped === undefined || skipped.rows === 0) return
  say(`${skipped.rows.toLocaleString('en-US')} rows were skipped. The first: ${skipped.first}`)
}

/** Errors that are the user's or the world's: their message says it all. */
function isExpected(error: unknown): error is Error {
  const expected = [MappingError, RowError, KafkaTargetError, RegistryUnavailable, RangeError]
  return expected.some(type => error instanceof type) || (error instanceof Error && 'syscall' in error)
}

async function main(): Promise<void> {
  hideTimerWarning()
  // The reader of our output may go before its end, as `head` does. The write under way is told too, and ends the run.
  process.stdout.on('error', () => undefined)
  try {
    const options = parseOptions(process.argv.slice(2), process.env)
    if (options === null) await write(help)
    else await run(options)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return
    process.exitCode = error instanceof UsageError ? 2 : 1
    say(error instanceof UsageError || isExpected(error) ? error.message : String((error as Error).stack ?? error))
  }
}

await main()
