import { changelogTopic, repartitionTopic } from '../../topology/names.ts'
import type { PartitionLog } from '../embedded/log.ts'
import { readCommitted } from './committed-log.ts'
import { application, type Simulation } from './simulation.ts'

/** Topics that the application reads. */
export const sourceTopics = ({ compiled }: Simulation): string[] => [
  ...compiled.inputs.map(({ name }) => name),
  ...compiled.repartitions.map(({ name }) => repartitionTopic(application, name)),
]

export const changelogTopics = ({ compiled }: Simulation): string[] =>
  compiled.subTopologies.flatMap(({ stores }) => stores.map(({ name }) => changelogTopic(application, name)))

/** Whether nothing is left to do: no lag, and no transaction that is open (invariant I13). */
export class Drain {
  readonly #sim: Simulation
  /** The offset of the last committed record, as of an end of the log. */
  readonly #last = new WeakMap<PartitionLog, { readonly end: number; readonly offset: number }>()

  constructor(sim: Simulation) {
    this.#sim = sim
  }

  /** What is in the way; none when all is done. */
  left(): string[] {
    const { topics, groups } = this.#sim.broker.requests
    const offsets = groups.get(application)?.offsets
    const left = this.#unowned()
    const isSource = new Set(sourceTopics(this.#sim))
    for (const { name, partitions } of topics.all()) {
      for (const log of partitions) {
        const at = `${name}-${log.partition}`
        if (log.lastStableOffset < log.endOffset) {
          left.push(`a transaction is open in ${at} since offset ${log.lastStableOffset}`)
          continue
        }
        if (!isSource.has(name)) continue
        const committed = offsets?.get(name, log.partition)?.offset ?? 0
        const last = this.#lastOf(log)
        if (committed <= last) left.push(`${at} is committed up to ${committed}, and ends with record ${last}`)
      }
    }
    return left
  }

  /** Tasks that nobody runs yet. */
  #unowned(): string[] {
    const { compiled, replicas, broker } = this.#sim
    const owned = new Set(replicas.flatMap(({ app }) => [...(app?.worker?.tasks.keys() ?? [])]))
    const all = compiled.subTopologies.flatMap(({ id, inputs, repartitionInputs }) => {
      const names = [...inputs, ...repartitionInputs.map(name => repartitionTopic(application, name))]
      const count = Math.max(...names.map(name => broker.requests.topics.get(name)?.partitions.length ?? 0))
      return Array.from({ length: count }, (_, partition) => `${id}_${partition}`)
    })
    return all.filter(task => !owned.has(task)).map(task => `nobody runs task ${task}`)
  }

  #lastOf(log: PartitionLog): number {
    const known = this.#last.get(log)
    if (known?.end === log.endOffset) return known.offset
    const offset = readCommitted(log).records.at(-1)?.offset ?? -1
    this.#last.set(log, { end: log.endOffset, offset })
    return offset
  }
}
