import type { Workload, WorkloadOptions } from '../workload.ts'
import { countWorkload } from './count.ts'

const workloads = {
  count: countWorkload,
} as const satisfies Record<string, (options: WorkloadOptions) => Workload | Promise<Workload>>

export type WorkloadName = keyof typeof workloads

export const workloadNames = Object.keys(workloads) as readonly WorkloadName[]

export const makeWorkload = async (name: WorkloadName, options: WorkloadOptions): Promise<Workload> =>
  workloads[name](options)
