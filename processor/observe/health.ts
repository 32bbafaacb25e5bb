import type { Readings } from './readings.ts'

/** A thread that is silent for so long is held by code that may never return. */
const silentMostMs = 30_000

/**
 * It answers, so its event loop turns, and so must those of its threads; unless one does not, or the application has
 * failed, there is nothing that a restart would mend.
 */
export const isLive = ({ state, threads }: Readings): boolean =>
  state !== 'failed' && threads.every(({ silentMs }) => silentMs <= silentMostMs)

export interface Readiness {
  readonly isReady: boolean
  readonly body: object
}

/** Ready: tasks are processing, in all threads. While state is restored it says how far that is. */
export function readiness({ state, tasks, restore, threads }: Readings): Readiness {
  const { records, bytes, remaining, total } = restore
  return {
    isReady: state === 'running',
    body: {
      state,
      tasks: tasks.length,
      waitingTasks: tasks.filter(task => task.isWaiting).length,
      ...(threads.length === 0
        ? {}
        : { threads: threads.map(({ state: each, tasks: count }) => ({ state: each, tasks: count })) }),
      restore: { restoredRecords: records, restoredBytes: bytes, remainingRecords: remaining, totalRecords: total },
    },
  }
}
