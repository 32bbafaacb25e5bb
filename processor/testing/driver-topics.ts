import type { Compiled } from '../../topology/compiled.ts'
import { changelogTopic, repartitionTopic } from '../../topology/names.ts'
import { resolve } from '../../topology/partitions.ts'
import { AppError } from '../errors.ts'
import { type AppTopics, appTopics } from '../runtime/topics.ts'
import { DriverLog } from './driver-log.ts'

/** How many partitions topics of the user have: one number for all, or by name (the others then have one). */
export type PartitionCounts = number | Readonly<Record<string, number>>

/** All topics of a driver, in memory. */
export class DriverTopics {
  readonly names: AppTopics
  readonly #logs = new Map<string, readonly DriverLog[]>()

  constructor(compiled: Compiled, application: string, counts: PartitionCounts) {
    const countOf = (topic: string): number => (typeof counts === 'number' ? counts : (counts[topic] ?? 1))
    const resolved = resolve(compiled, countOf)
    for (const { name } of [...compiled.inputs, ...compiled.outputs]) this.#add(name, countOf(name))
    for (const [name, count] of resolved.repartitions) this.#add(repartitionTopic(application, name), count)
    for (const [store, count] of resolved.changelogs) this.#add(changelogTopic(application, store), count, true)
    this.names = appTopics(compiled, application, resolved, name => ({ partitions: this.logs(name).length, id: name }))
  }

  #add(topic: string, count: number, isCompacted = false): void {
    if (!(Number.isInteger(count) && count > 0)) {
      throw new AppError('CONFIG', `The topic '${topic}' is to have ${count} partitions. Give a whole number.`)
    }
    if (this.#logs.has(topic)) return
    this.#logs.set(
      topic,
      Array.from({ length: count }, (_, partition) => new DriverLog(topic, partition, isCompacted)),
    )
  }

  /** The partitions of a topic. */
  logs(topic: string): readonly DriverLog[] {
    const found = this.#logs.get(topic)
    if (found !== undefined) return found
    throw new AppError(
      'CONFIG',
      `The topology does not use the topic '${topic}'. It has ${[...this.#logs.keys()].map(name => `'${name}'`).join(', ')}.`,
    )
  }

  log(topic: string, partition: number): DriverLog {
    const logs = this.logs(topic)
    const found = logs[partition]
    if (found !== undefined) return found
    throw new AppError('CONFIG', `The topic '${topic}' has ${logs.length} partitions, and no partition ${partition}.`)
  }

  commit(): void {
    for (const logs of this.#logs.values()) for (const log of logs) log.commit()
  }

  abort(): void {
    for (const logs of this.#logs.values()) for (const log of logs) log.abort()
  }
}
