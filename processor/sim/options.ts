import { parseArgs } from 'node:util'
import { type FaultName, faultNames } from './fault-names.ts'
import { type WorkloadName, workloadNames } from './workloads/all.ts'

export interface SimOptions {
  readonly first: number
  readonly last: number
  /** One seed is replayed, with its trace. */
  readonly isReplay: boolean
  readonly quiet: boolean
  readonly jobs: number
  readonly workload: WorkloadName | null
  /** In the place of what each seed draws. */
  readonly faults: readonly FaultName[] | null
}

export const usage = `npm run sim -- [options]
  --seeds N          the seeds 1 to N (default 300)
  --seeds A..B       the seeds A to B
  --seed N           one seed, with its trace
  --quiet            without the trace
  --jobs N           so many seeds at a time, each in a thread (default: 1)
  --topology NAME    only ${workloadNames.join(', ')}
  --fault NAME       only this kind of fault; may be given again: ${faultNames.join(', ')}`

/** Throws what is wrong with the arguments. */
export function simOptions(args: readonly string[]): SimOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      quiet: { type: 'boolean' },
      jobs: { type: 'string' },
      topology: { type: 'string' },
      fault: { type: 'string', multiple: true },
    },
  })
  const [first, last] =
    values.seed === undefined ? range(values.seeds ?? '300') : [whole(values.seed), whole(values.seed)]
  return {
    first,
    last,
    isReplay: values.seed !== undefined,
    quiet: values.quiet ?? false,
    jobs: whole(values.jobs ?? '1'),
    workload: values.topology === undefined ? null : oneOf(values.topology, workloadNames),
    faults: values.fault?.map(name => oneOf(name, faultNames)) ?? null,
  }
}

function range(text: string): [number, number] {
  const [first, last] = text.split('..')
  return last === undefined ? [1, whole(text)] : [whole(first!), whole(last)]
}

function whole(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`'${text}' is no whole number of at least 1.`)
  return value
}

function oneOf<Name extends string>(text: string, names: readonly Name[]): Name {
  const found = names.find(name => name === text)
  if (found === undefined) throw new Error(`'${text}' is none of ${names.join(', ')}.`)
  return found
}
