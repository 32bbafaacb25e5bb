import type { Workload, WorkloadOptions } from '../workload.ts'
import { countWorkload } from './count.ts'
import { flagshipWorkload } from './flagship.ts'
import { joinWorkload } from './join.ts'
import { relayWorkload } from './relay.ts'
import { repartitionWorkload } from './repartition.ts'
import { trailingWorkload } from './trailing.ts'
import { windowsWorkload } from './windows.ts'

const workloads = {
  relay: relayWorkload,
  count: countWorkload,
  windows: windowsWorkload,
  repartition: repartitionWorkload,
  join: joinWorkload,
  trailing: trailingWorkload,
  flagship: flagshipWorkload,
} as const satisfies Record<string, (options: WorkloadOptions) => Workload | Promise<Workload>>

export type WorkloadName = keyof typeof workloads

export const workloadNames = Object.keys(workloads) as readonly WorkloadName[]

export const makeWorkload = async (name: WorkloadName, options: WorkloadOptions): Promise<Workload> =>
  workloads[name](options)
