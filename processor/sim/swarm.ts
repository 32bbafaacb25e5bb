import type { Settings } from '../runtime/config.ts'
import type { Draws } from './draws.ts'
import { type FaultName, faultNames } from './fault-names.ts'
import type { Guarantee } from './workload.ts'
import { type WorkloadName, workloadNames } from './workloads/all.ts'

/** How one seed is shaped. Drawn anew for each: most seeds have few kinds of faults, and so meet each of them hard. */
export interface Swarm {
  readonly workload: WorkloadName
  readonly guarantee: Guarantee
  readonly partitions: number
  readonly replicas: number
  readonly brokers: number
  readonly records: number
  readonly keys: number
  readonly skew: number
  readonly disorder: number
  /** Records appended to the log at a time. */
  readonly batch: number
  readonly abortedInputShare: number
  /** The share of the input that is there before the application starts. */
  readonly backlog: number
  /** How long the rest takes to come, and how long faults are made. */
  readonly loadMs: number
  readonly faults: readonly FaultName[]
  /** Between two faults, on average. */
  readonly faultEveryMs: number
  readonly settings: Partial<Settings>
  readonly requestTimeoutMs: number
  readonly delayMs: readonly [number, number]
  readonly writeMs: readonly [number, number]
  readonly fetchMaxBytes: number
  readonly markerDelayMs: number
  readonly lookMs: number
  readonly yieldMs: number
}

export function drawSwarm(draws: Draws, forced: Partial<Swarm> = {}): Swarm {
  const workload = forced.workload ?? draws.pick(workloadNames)
  const commitIntervalMs = draws.pick([5, 20, 100, 100, 500, 2000])
  const sessionTimeoutMs = draws.pick([1000, 2000, 6000])
  const loadMs = draws.whole(5000, 40_000)
  const faults = drawFaults(draws)
  const copies = draws.fork('copies')
  const swarm: Swarm = {
    workload,
    // Only what has no state can be judged: zombies write theirs beside that of their successors.
    guarantee: workload === 'relay' && draws.chance(0.5) ? 'at_least_once' : 'exactly_once',
    partitions: draws.whole(1, 4),
    replicas: draws.whole(1, 3),
    brokers: draws.pick([1, 1, 3]),
    records: draws.whole(150, 1200),
    keys: draws.pick([3, 20, 200]),
    skew: draws.next(),
    disorder: draws.pick([0, 0.05, 0.3]),
    batch: draws.pick([1, 4, 12, 40]),
    abortedInputShare: draws.pick([0, 0, 0.1]),
    backlog: draws.pick([0, 0.3, 1]),
    loadMs,
    faults,
    faultEveryMs: loadMs / draws.whole(5, 40),
    settings: {
      commitIntervalMs,
      sessionTimeoutMs,
      transactionTimeoutMs: Math.max(2 * commitIntervalMs, draws.pick([1000, 3000, 10_000])),
      flushAgeMs: draws.pick([0, 100, 2000, 10_000]),
      flushBytes: draws.pick([0, 2000, 8 << 20]),
      cacheBytes: draws.pick([0, 5000, 96 << 20]),
      sendBytes: draws.pick([0, 1000, 4 << 20]),
      holdBytes: draws.pick([0, 4000, 32 << 20]),
      // Silence is told by the wall clock: it would let faults decide what is late.
      idleMs: 0,
      compression: draws.pick(['none', 'none', 'lz4']),
      standbyReplicas: copies.pick([0, 0, 1, 1, 2]),
      acceptableLagRecords: copies.pick([0, 20, 200, 10_000]),
      warmups: copies.pick([1, 2, 2]),
      cleanupDelayMs: copies.pick([1000, 600_000]),
    },
    requestTimeoutMs: draws.pick([1000, 5000, 30_000]),
    delayMs: draws.pick([
      [0.1, 1],
      [0.1, 1],
      [1, 30],
      [0.5, 200],
    ] as const),
    writeMs: draws.pick([
      [0.05, 0.5],
      [0.05, 0.5],
      [1, 100],
    ] as const),
    fetchMaxBytes: draws.pick([1, 300, 4000, 1 << 20]),
    markerDelayMs: draws.pick([0, 5, 60, 400]),
    lookMs: draws.pick([0, 0.05, 2, 12]),
    yieldMs: draws.pick([0.02, 0.2]),
  }
  return { ...swarm, ...forced }
}

/** Now and then none, often a single kind, which then comes again and again. */
function drawFaults(draws: Draws): FaultName[] {
  const mix = draws.next()
  if (mix < 0.04) return []
  if (mix < 0.35) return [draws.pick(faultNames)]
  if (mix < 0.6) return [draws.pick(faultNames), draws.pick(faultNames), draws.pick(faultNames)]
  return faultNames.filter(() => draws.chance(0.3))
}
