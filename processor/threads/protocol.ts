import type { Readings } from '../observe/readings.ts'
import type { CarriedError } from './carried-error.ts'

// What the main thread and the threads of the tasks say to each other: plain data, so that it can be posted.

/** What a thread is started with. */
export interface ThreadStart {
  /** URL of the module that makes the application. */
  readonly module: string
  /** For the module. */
  readonly data: unknown
  readonly worker: number
  readonly threads: number
  readonly instance: string
  /** State folder of the process, which the main thread holds. */
  readonly folder: string
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type ToThread =
  | { readonly kind: 'stop' }
  /** The answer to `take`. */
  | { readonly kind: 'taken'; readonly task: string; readonly isGranted: boolean }

export type FromThread =
  /** Regularly, and when it has stopped. `commitSeconds`: how long each commit since the last ones took. */
  | {
      readonly kind: 'readings'
      readonly readings: Readings
      readonly commitSeconds: readonly number[]
      readonly heapBytes: number
    }
  /** May it open the store of this task? */
  | { readonly kind: 'take'; readonly task: string }
  | { readonly kind: 'free'; readonly task: string }
  | {
      readonly kind: 'log'
      readonly level: LogLevel
      readonly fields: object
      readonly error: CarriedError | null
      readonly message: string
    }
  /** Its last word: it has come to its end in good order, or what the engine has ended it with. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly error: CarriedError }
