import { Drain } from './drained.ts'
import { Draws } from './draws.ts'
import { checkInvariants } from './invariants.ts'
import { Nemesis } from './nemesis.ts'
import { Simulation } from './simulation.ts'
import { drawSwarm, type Swarm } from './swarm.ts'
import { Watcher } from './watcher.ts'

export interface RunResult {
  readonly seed: number
  readonly swarm: Swarm
  /** Empty when all invariants hold. */
  readonly failures: readonly string[]
  readonly counts: ReadonlyMap<string, number>
  readonly hash: string
  readonly virtualMs: number
  readonly events: number
}

export interface RunOptions {
  /** In the place of what the seed would draw. */
  readonly forced?: Partial<Swarm>
  /** Gets the trace, line by line. */
  readonly print?: (line: string) => void
}

/** After the last fault all must be done within this (invariant I13). */
const drainMostMs = 60_000
/** So long nothing may come any more before it counts as done. */
const quietMs = 1500
const stopMostMs = 10_000
const markersMs = 1000

/** One seed: load and faults, healing, and then every invariant. */
export async function run(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const sim = await simulate(seed, options)
  const { counts, trace, timeline, swarm } = sim
  return {
    seed,
    swarm,
    failures: sim.violations,
    counts: counts.all(),
    hash: trace.hash,
    virtualMs: timeline.nowMs,
    events: timeline.events,
  }
}

/** The same, with all that is left of it: logs, disks, what was put in. */
export async function simulate(seed: number, options: RunOptions = {}): Promise<Simulation> {
  const swarm = drawSwarm(new Draws(seed).fork('swarm'), options.forced)
  const sim = await Simulation.make(swarm, seed, options.print ?? null)
  const unhandled = (error: unknown): void =>
    sim.violated(`I15: nobody handles ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  process.on('unhandledRejection', unhandled)
  try {
    await play(sim)
  } catch (error) {
    sim.violated(error instanceof Error ? (error.stack ?? error.message) : String(error))
  } finally {
    process.off('unhandledRejection', unhandled)
    sim.broker.close()
  }
  return sim
}

async function play(sim: Simulation): Promise<void> {
  const { timeline, swarm, replicas } = sim
  const watcher = new Watcher(sim)
  const hasFed = feed(sim)
  for (const replica of replicas) timeline.after(sim.draws.whole(0, 300), () => replica.start())
  await watcher.start()
  const nemesis = new Nemesis(sim)
  await timeline.runUntil(() => timeline.nowMs >= swarm.loadMs && hasFed(), Infinity)
  nemesis.heal()
  await drain(sim)
  await stop(sim)
  await checkInvariants(sim, await watcher.finish())
}

/** Puts the input into the log, part of it at once and the rest over time; the answer tells when all is there. */
function feed(sim: Simulation): () => boolean {
  const { feeder, workload, swarm, timeline, draws } = sim
  const { records } = workload
  const backlog = workload.isStatic === true ? records.length : Math.floor(records.length * swarm.backlog)
  let next = 0
  let isDone = false
  const append = (count: number): void => {
    feeder.append(records.slice(next, next + count))
    next = Math.min(records.length, next + count)
    if (next < records.length) return
    feeder.end(workload.inputs)
    isDone = true
  }
  while (next < backlog) append(Math.min(swarm.batch, backlog - next))
  const batches = Math.max(1, Math.ceil((records.length - next) / swarm.batch))
  const step = (): void => {
    if (isDone) return
    append(swarm.batch)
    timeline.after((swarm.loadMs / batches) * draws.between(0, 1.9), step)
  }
  if (!isDone) timeline.after(draws.whole(0, 500), step)
  return () => isDone
}

/** I13: liveness. */
async function drain(sim: Simulation): Promise<void> {
  const { timeline } = sim
  const check = new Drain(sim)
  const limitMs = timeline.nowMs + drainMostMs
  let [left, quietSince]: [string[], number] = [['not looked at'], Infinity]
  const look = (): void => {
    left = check.left()
    if (left.length > 0) quietSince = Infinity
    else quietSince = Math.min(quietSince, timeline.nowMs)
    timeline.after(100, look)
  }
  look()
  const isDone = (): boolean => timeline.nowMs - quietSince >= quietMs
  if (await timeline.runUntil(isDone, limitMs)) return
  sim.violated(`I13: not done ${drainMostMs / 1000} s after the last fault: ${left.join('; ')}`)
  throw new Error('The run does not come to its end.')
}

/** Everybody leaves in good order: state is on disk then, and the group is empty. */
async function stop(sim: Simulation): Promise<void> {
  const { timeline, replicas } = sim
  for (const replica of replicas) {
    replica.isRetired = true
    replica.stop()
  }
  const isDone = (): boolean => replicas.every(replica => !replica.isRunning)
  if (!(await timeline.runUntil(isDone, timeline.nowMs + stopMostMs - 1))) {
    const names = replicas.filter(replica => replica.isRunning).map(({ name }) => name)
    sim.violated(`F-P5: ${names.join(', ')} did not stop within ${stopMostMs / 1000} s`)
  }
  // The markers of the last transactions may still be under way.
  await timeline.runUntil(() => false, timeline.nowMs + markersMs)
}
