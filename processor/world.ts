import type { Clock, Log, Random, Scheduler, World } from './ports.ts'

// The one place where the real clock, timers and chance come in.

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}

const random: Random = {
  next: () => Math.random(),
}

const scheduler: Scheduler = {
  sleep(ms, signal) {
    if (signal?.aborted === true) return Promise.resolve()
    return new Promise(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, Math.max(0, ms))
      signal?.addEventListener('abort', done)
    })
  },
  // A microtask would starve sockets and timers; setImmediate runs after both.
  yield: () => new Promise(resolve => setImmediate(resolve)),
}

/** The real world: wall clock, timers and chance of this process. */
export function systemWorld(log: Log): World {
  return { clock, scheduler, random, log }
}

/** Drops every line. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
