import { AppError } from '../errors.ts'

/** Settings of an application that have a default. Durations in milliseconds. */
export interface Settings {
  /** `exactly_once`: all effects of a record appear together and once. `at_least_once`: without transactions. */
  readonly guarantee: 'exactly_once' | 'at_least_once'
  /** Every so often what was processed is committed: latency of results under exactly_once. Default 100. */
  readonly commitIntervalMs: number
  /** How long the broker keeps an open transaction of a process that is gone. Default 30 000. */
  readonly transactionTimeoutMs: number
  /** After this long without a heartbeat the group gives the tasks to others. Default 10 000. */
  readonly sessionTimeoutMs: number
  /** For decoded state of all tasks together; what does not fit is read from disk. Default 160 MiB. */
  readonly cacheBytes: number
  /** Committed changes are written to disk when there are this many bytes of them... Default 8 MiB. */
  readonly flushBytes: number
  /** ...or the oldest has waited this long. Default 10 000. */
  readonly flushAgeMs: number
  /** What a transaction has to send is sent before its end once it is more than this many bytes. Default 4 MiB. */
  readonly sendBytes: number
  /**
   * While a transaction is being committed, processing goes on until the next one has this many bytes to send. Default
   * 32 MiB.
   */
  readonly holdBytes: number
  /**
   * An upstream partition of a repartition topic that is silent for so long does not hold time back any more; 0: never.
   * Default 10 000.
   */
  readonly idleMs: number
  /** Copies of each task's state that follow it in other processes, ready to take over. Default 0. */
  readonly standbyReplicas: number
  /**
   * A process whose copy of a task's state lacks no more changelog records than this may take the task over. Default
   * 10 000.
   */
  readonly acceptableLagRecords: number
  /**
   * Tasks that are prepared at the same time, in the whole group, by processes that are to get them and do not have
   * their state. Default 2.
   */
  readonly warmups: number
  /** State of tasks that went to other processes is deleted after this long. Default 600 000: ten minutes. */
  readonly cleanupDelayMs: number
  /** Of changelogs, repartition topics and results. Default none. */
  readonly compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
}

export const defaultSettings: Settings = {
  guarantee: 'exactly_once',
  commitIntervalMs: 100,
  transactionTimeoutMs: 30_000,
  sessionTimeoutMs: 10_000,
  cacheBytes: 160 << 20,
  flushBytes: 2 << 20,
  flushAgeMs: 10_000,
  sendBytes: 2 << 20,
  holdBytes: 8 << 20,
  idleMs: 10_000,
  standbyReplicas: 0,
  acceptableLagRecords: 10_000,
  warmups: 2,
  cleanupDelayMs: 600_000,
  compression: 'none',
}

/** The settings with defaults; all that is wrong is reported at once. */
export function settingsFrom(given: Partial<Settings>): Settings {
  const settings = { ...defaultSettings, ...given }
  const findings: string[] = []
  for (const [name, least] of [
    ['commitIntervalMs', 1],
    ['transactionTimeoutMs', 1000],
    ['sessionTimeoutMs', 1000],
    ['cacheBytes', 0],
    ['flushBytes', 0],
    ['flushAgeMs', 0],
    ['sendBytes', 0],
    ['holdBytes', 0],
    ['idleMs', 0],
    ['standbyReplicas', 0],
    ['acceptableLagRecords', 0],
    ['warmups', 1],
    ['cleanupDelayMs', 0],
  ] as const) {
    const value = settings[name]
    if (!Number.isSafeInteger(value) || value < least)
      findings.push(`${name} is ${value}; give a whole number of at least ${least}`)
  }
  if (settings.transactionTimeoutMs < 2 * settings.commitIntervalMs) {
    findings.push(
      `transactionTimeoutMs (${settings.transactionTimeoutMs}) is less than twice commitIntervalMs (${settings.commitIntervalMs}): ` +
        'the broker would abort transactions that are not late. Raise it',
    )
  }
  if (findings.length > 0) throw new AppError('CONFIG', `The configuration cannot be used: ${findings.join('; ')}.`)
  return settings
}
