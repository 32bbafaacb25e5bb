import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Batch } from './batch.ts'
import { type SimOptions, simOptions, usage } from './options.ts'
import { run, type RunOptions, type RunResult } from './run.ts'

// `npm run sim`: seeds of the simulator, or one of them with its trace.

const forcedBy = ({ workload, faults }: SimOptions): NonNullable<RunOptions['forced']> => ({
  ...(workload !== null && { workload }),
  ...(faults !== null && { faults }),
})

function report(result: RunResult, commandTail: string): void {
  const { seed, failures, hash, swarm, events, virtualMs } = result
  console.log(`seed ${seed} FAILED (${swarm.workload}, ${swarm.replicas} replicas; faults: ${swarm.faults.join(', ')})`)
  for (const failure of failures.slice(0, 8)) console.log(`  ${failure}`)
  if (failures.length > 8) console.log(`  ... and ${failures.length - 8} more`)
  console.log(`  ${events} events in ${(virtualMs / 1000).toFixed(1)} s of virtual time, trace ${hash}`)
  console.log(`  replay: npm run sim -- --seed ${seed}${commandTail}`)
}

async function replay(options: SimOptions): Promise<boolean> {
  const print = options.quiet ? {} : { print: (line: string) => console.log(line) }
  const result = await run(options.first, { forced: forcedBy(options), ...print })
  console.log(JSON.stringify({ ...result, counts: Object.fromEntries(result.counts) }, null, 2))
  console.log(`${result.failures.length === 0 ? 1 : 0} passed, ${result.failures.length === 0 ? 0 : 1} failed`)
  return result.failures.length === 0
}

/** Seeds are handed out one at a time, so that a slow one holds up nobody. */
async function inThreads(options: SimOptions, onResult: (result: RunResult) => void): Promise<void> {
  let next = options.first
  const thread = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: forcedBy(options), execArgv: process.execArgv })
      worker.on('error', reject)
      worker.on('exit', () => resolve())
      const give = (): void => worker.postMessage(next <= options.last ? next++ : null)
      worker.on('message', (result: RunResult) => {
        onResult(result)
        give()
      })
      give()
    })
  await Promise.all(Array.from({ length: options.jobs }, thread))
}

async function inThisThread(options: SimOptions, onResult: (result: RunResult) => void): Promise<void> {
  for (let seed = options.first; seed <= options.last; seed++) onResult(await run(seed, { forced: forcedBy(options) }))
}

async function batch(options: SimOptions): Promise<boolean> {
  const tail =
    (options.workload === null ? '' : ` --topology ${options.workload}`) +
    (options.faults ?? []).map(name => ` --fault '${name}'`).join('')
  const startedMs = performance.now()
  const all = new Batch()
  const seconds = (): string => ((performance.now() - startedMs) / 1000).toFixed(1)
  await (options.jobs > 1 ? inThreads : inThisThread)(options, result => {
    all.add(result)
    if (result.failures.length > 0) report(result, tail)
    if (all.seeds % 25 === 0) console.log(`${all.seeds} of ${options.last - options.first + 1} seeds, ${seconds()} s`)
  })
  const { passed, failed, counts, vacuous } = all.result()
  console.log(`\nwhat was met in ${all.seeds} seeds:`)
  for (const [name, count] of [...counts.all()].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    console.log(`  ${String(count).padStart(9)} ${name}`)
  const isNarrow = options.workload !== null || options.faults !== null
  if (vacuous.length > 0) console.log(`\n${isNarrow ? 'not met' : 'VACUOUS: never met'}: ${vacuous.join(', ')}`)
  if (failed.length > 0) console.log(`\nfailed seeds: ${failed.map(({ seed }) => seed).join(' ')}`)
  console.log(`${seconds()} s, ${(Number(seconds()) / all.seeds).toFixed(2)} s a seed`)
  const isVacuous = vacuous.length > 0 && !isNarrow
  console.log(`${passed} passed, ${failed.length + (isVacuous ? 1 : 0)} failed`)
  return failed.length === 0 && !isVacuous
}

if (isMainThread) {
  let options: SimOptions | null = null
  try {
    options = simOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`)
    process.exitCode = 2
  }
  if (options !== null && !(await (options.isReplay ? replay : batch)(options))) process.exitCode = 1
} else {
  const forced = workerData as NonNullable<RunOptions['forced']>
  const answer = async (seed: number): Promise<void> => parentPort!.postMessage(await run(seed, { forced }))
  parentPort!.on('message', (seed: number | null) => {
    if (seed === null) parentPort!.close()
    else void answer(seed)
  })
}
