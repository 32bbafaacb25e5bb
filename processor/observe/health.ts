import type { Readings } from './readings.ts'

/**
 * It answers, so its event loop turns; unless the application has failed there is nothing that a restart would mend.
 */
export const isLive = (readings: Readings): boolean => readings.state !== 'failed'

export interface Readiness {
  readonly isReady: boolean
  readonly body: object
}

/** Ready: tasks are processing. While state is restored it says how far that is. */
export function readiness({ state, tasks, restore }: Readings): Readiness {
  const { records, bytes, remaining, total } = restore
  return {
    isReady: state === 'running',
    body: {
      state,
      tasks: tasks.length,
      waitingTasks: tasks.filter(task => task.isWaiting).length,
      restore: { restoredRecords: records, restoredBytes: bytes, remainingRecords: remaining, totalRecords: total },
    },
  }
}
