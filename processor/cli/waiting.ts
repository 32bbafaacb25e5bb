import type { Scheduler } from '../ports.ts'
import { RegistryUnavailable, type Registry } from '../../schemas/registry.ts'

const pauseMs = 1000
const sayEvery = 10

export interface WaitingOptions {
  readonly registry: Registry
  readonly scheduler: Scheduler
  readonly signal: AbortSignal
  readonly say: (line: string) => void
}

/**
 * A registry whose registrations wait until it can be reached, and say so. Questions about an id are not repeated here:
 * the tasks that ask them wait in their own way.
 */
export function waitingRegistry({ registry, scheduler, signal, say }: WaitingOptions): Registry {
  return {
    byId: id => registry.byId(id),
    async register(subject, schema) {
      for (let attempt = 0; ; attempt++) {
        try {
          const id = await registry.register(subject, schema)
          if (attempt > 0) say('The schema registry answers again.')
          return id
        } catch (error) {
          if (!(error instanceof RegistryUnavailable) || signal.aborted) throw error
          if (attempt % sayEvery === 0) say(`Waiting: ${error.message}`)
          await scheduler.sleep(pauseMs, signal)
        }
      }
    },
  }
}

/** Says `line` when `done` has not settled after `ms`, and again every ten times as long. */
export async function sayWhileWaiting<T>(
  done: Promise<T>,
  line: string,
  ms: number,
  options: Omit<WaitingOptions, 'registry'>,
): Promise<T> {
  const settled = new AbortController()
  const stop = AbortSignal.any([settled.signal, options.signal])
  const waiting = (async (): Promise<void> => {
    for (let pause = ms; ; pause = ms * 10) {
      await options.scheduler.sleep(pause, stop)
      if (stop.aborted) return
      options.say(line)
    }
  })()
  try {
    return await done
  } finally {
    settled.abort()
    await waiting
  }
}
