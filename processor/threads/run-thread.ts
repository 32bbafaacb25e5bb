import type { MessagePort } from 'node:worker_threads'
import { createApp } from '../create-app.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../ports.ts'
import type { App } from '../runtime/app.ts'
import { defaultSettings } from '../runtime/config.ts'
import { taskStores } from '../state/level.ts'
import { systemWorld } from '../world.ts'
import { carry } from './carried-error.ts'
import { AskedClaims } from './claims.ts'
import type { ThreadContext, ThreadFunction } from './context.ts'
import type { FromThread, LogLevel, ThreadStart, ToThread } from './protocol.ts'

const reportMs = 200

/** Runs one worker of the application in this thread, until it is told to stop or fails. */
export async function runThread(start: ThreadStart, port: MessagePort): Promise<void> {
  const post = (message: FromThread): void => port.postMessage(message)
  const world = systemWorld(postedLog(post))
  const claims = new AskedClaims(post)
  const stores = taskStores(start.folder, claims)
  const stopping = new AbortController()
  port.on('message', (message: ToThread) => {
    if (message.kind === 'taken') claims.answered(message.isGranted)
    else stopping.abort()
  })
  try {
    const context = { data: start.data, worker: start.worker, threads: start.threads, world, signal: stopping.signal }
    const { topology, ...parts } = await partsOf(start.module, context)
    const commitSeconds: number[] = []
    try {
      const app = createApp(topology, {
        ...parts,
        instance: start.instance,
        worker: start.worker,
        stores,
        world,
        cacheBytes: Math.floor((parts.cacheBytes ?? defaultSettings.cacheBytes) / start.threads),
        onCommitted(seconds) {
          commitSeconds.push(seconds)
          parts.onCommitted?.(seconds)
        },
      })
      const report = (): void => {
        const { heapUsed: heapBytes } = process.memoryUsage()
        post({ kind: 'readings', readings: app.read(), commitSeconds: commitSeconds.splice(0), heapBytes })
      }
      await work(app, start, { stopping: stopping.signal, report, world })
    } finally {
      await parts.kafka.close()
      await stores.close()
    }
    post({ kind: 'stopped' })
  } catch (error) {
    // What is no error of the engine's is a crash, as it would be outside of it.
    if (!(error instanceof AppError)) throw error
    post({ kind: 'failed', error: carry(error) })
  }
}

async function partsOf(module: string, context: ThreadContext) {
  const exports = (await import(module)) as { readonly thread?: unknown }
  if (typeof exports.thread !== 'function') {
    throw new AppError('CONFIG', `${module} exports no function 'thread', which each thread calls for what it runs.`)
  }
  return (exports.thread as ThreadFunction)(context)
}

interface Working {
  readonly stopping: AbortSignal
  readonly report: () => void
  readonly world: ThreadContext['world']
}

async function work(app: App, { worker, threads }: ThreadStart, { stopping, report, world }: Working): Promise<void> {
  const stop = (): void => void app.stop()
  stopping.addEventListener('abort', stop)
  const ended = new AbortController()
  const reporting = (async (): Promise<void> => {
    while (!ended.signal.aborted) {
      report()
      await world.scheduler.sleep(reportMs, ended.signal)
    }
  })()
  try {
    if (stopping.aborted) return
    app.start().then(
      () => {
        const { taskCount } = app
        report()
        if (worker > 0 || taskCount === null || taskCount >= threads) return
        world.log.warn({ tasks: taskCount, threads }, 'there are fewer tasks than threads: some have nothing to do')
      },
      // `done` says so too.
      () => undefined,
    )
    await app.done
  } finally {
    ended.abort()
    await reporting
    report()
  }
}

/** Lines go to the log of the main thread, in whose order they are written. */
function postedLog(post: (message: FromThread) => void): Log {
  const line =
    (level: LogLevel) =>
    (fields: object, message: string): void => {
      const { error, ...rest } = fields as { readonly error?: unknown }
      post({ kind: 'log', level, fields: plainOf(rest), error: error === undefined ? null : carry(error), message })
    }
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') }
}

/** What can be posted whatever it is. */
const plainOf = (fields: object): object => JSON.parse(JSON.stringify(fields)) as object
