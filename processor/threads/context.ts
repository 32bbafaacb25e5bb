import type { Plan } from '../../topology/plan.ts'
import type { CreateAppOptions } from '../create-app.ts'
import type { World } from '../ports.ts'

/** What a thread knows when it makes its part of the application. */
export interface ThreadContext<Data = unknown> {
  /** A copy of what was given to `createThreads`. */
  readonly data: Data
  /** Which of the threads this is, from 0. */
  readonly worker: number
  readonly threads: number
  /** With the log of the main thread. */
  readonly world: World
  /** Aborted when the process is to stop. */
  readonly signal: AbortSignal
}

/**
 * What a thread runs. The topology holds functions, which no other thread can be given: each makes its own, and its own
 * client and registry. Settings that are for all threads together (`cacheBytes`) are divided among them.
 */
export interface ThreadParts extends Omit<CreateAppOptions, 'instance' | 'isStatic' | 'worker' | 'stores' | 'world'> {
  readonly topology: Plan | { readonly plan: Plan }
}

/** The export `thread` of the module that `createThreads` names. */
export type ThreadFunction<Data = unknown> = (context: ThreadContext<Data>) => ThreadParts | Promise<ThreadParts>
