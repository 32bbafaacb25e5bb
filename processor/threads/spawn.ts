import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type ResourceLimits, Worker } from 'node:worker_threads'
import type { FromThread, ThreadStart, ToThread } from './protocol.ts'

/** A thread from the outside. */
export interface Thread {
  post(message: ToThread): void
  /** Ends it wherever it is, user code that never returns included. */
  terminate(): void
}

export interface ThreadHandlers {
  readonly onMessage: (message: FromThread) => void
  /** It is gone, with all it had open. `error`: what it did not catch. */
  readonly onEnd: (exitCode: number, error: Error | null) => void
}

export type Spawn = (worker: number, handlers: ThreadHandlers) => Thread

/** Threads of Node. */
export const spawner =
  (start: Omit<ThreadStart, 'worker'>, resourceLimits: ResourceLimits): Spawn =>
  (worker, { onMessage, onEnd }) => {
    const workerData: ThreadStart = { ...start, worker }
    const name = `worker-${worker}`
    const thread = new Worker(moduleAt(new URL('./thread.ts', import.meta.url)), { workerData, resourceLimits, name })
    let uncaught: Error | null = null
    thread.on('message', onMessage)
    thread.on('error', (error: unknown) => {
      uncaught = error instanceof Error ? error : new Error(String(error))
    })
    thread.on('exit', code => onEnd(code, uncaught))
    return {
      post: message => thread.postMessage(message),
      terminate: () => void thread.terminate(),
    }
  }

/** A module of TypeScript, or what was compiled from it. */
export function moduleAt(url: URL): URL {
  if (!url.pathname.endsWith('.ts') || url.protocol !== 'file:' || existsSync(fileURLToPath(url))) return url
  return new URL(url.href.replace(/\.ts(?=$|[?#])/, '.js'))
}
