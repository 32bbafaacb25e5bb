import { join } from 'node:path'
import type { ResourceLimits } from 'node:worker_threads'
import { AppError } from '../errors.ts'
import type { World } from '../ports.ts'
import { Unclosed } from '../state/unclosed.ts'
import type { OnCrash } from './crash-policy.ts'
import { moduleAt, spawner } from './spawn.ts'
import { Threads } from './threads.ts'

export const threadsMost = 64

/** The process ends within 10 s of the signal: a little is left for what comes after the threads. */
const stopMostMs = 9000

export interface CreateThreadsOptions {
  /**
   * The module that each thread imports, and that exports `thread`, a `ThreadFunction`:
   * `new URL('./shop.ts', import.meta.url)`. Where there is no such `.ts`, its `.js` is taken.
   */
  readonly module: URL
  /** From 1 to 64. More than there are tasks, or cores, is of no use. */
  readonly threads: number
  /** Handed to `thread` in each of them: anything that can be posted. */
  readonly data?: unknown
  /** As of an application (`createApp`): stable over restarts, and different for each process. */
  readonly instance: string
  /** For the state of all threads; this process must hold it (`holdStateFolder`). */
  readonly folder: string
  readonly world: World
  /**
   * Default `replace`. A worker takes up again from what is committed and its transactions are fenced before, so a
   * replacement is as safe as another process, and the other threads go on.
   */
  readonly onCrash?: OnCrash
  /** Of each thread. Node's default is as for a process of its own. */
  readonly resourceLimits?: ResourceLimits
  readonly onCommitted?: (seconds: number) => void
  /** When a thread is to stop and does not, it is ended after so long. Default 9 000. */
  readonly stopMostMs?: number
}

/**
 * An application that runs in several threads of this process. Each is a member of the group with its own client,
 * producer and tasks; the thread that calls this runs no tasks and stays free for metrics, health and signals. Nothing
 * runs before `start`.
 *
 * ```ts
 * // shop.ts: what each thread runs
 * export const thread: ThreadFunction = ({ world }) => ({
 *   topology: shop,
 *   kafka: nativeKafka({ transport: tcpTransport({ bootstrap }), world, clientId: 'shop' }),
 *   registry: restRegistry({ url }),
 * })
 * // main.ts
 * const { folder, instance, release } = await holdStateFolder('./state')
 * const app = createThreads({ module: new URL('./shop.ts', import.meta.url), threads: 4, folder, instance, world })
 * await app.start()
 * ```
 */
export function createThreads(options: CreateThreadsOptions): Threads {
  const { module, threads, data = null, instance, folder, world, onCrash = 'replace' } = options
  if (!Number.isInteger(threads) || threads < 1 || threads > threadsMost)
    throw new AppError('CONFIG', `threads is ${threads}; give a whole number from 1 to ${threadsMost}.`)
  const start = { module: moduleAt(module).href, data, threads, instance, folder }
  return new Threads({
    threads,
    onCrash,
    world,
    spawn: spawner(start, options.resourceLimits ?? {}),
    onCommitted: options.onCommitted ?? (() => undefined),
    // A store that ends its process is looked at when it is opened again (unclosed.ts): it was not this one.
    onLeft(task) {
      new Unclosed(join(folder, task)).count = 0
    },
    stopMostMs: options.stopMostMs ?? stopMostMs,
  })
}
