import type { EmbeddedBroker } from '../processor/embedded/broker.ts'
import { AppError } from '../processor/errors.ts'
import type { OpenTask } from '../processor/observe/readings.ts'
import type { Admin, PartitionOffset } from '../processor/ports.ts'
import type { Stores } from '../processor/state-port.ts'

/**
 * Keeps the log of an embedded broker small: deletes what nobody will read again. That is input below what is
 * committed,
 * output below what the summary has counted, and changelogs below what is in the database of this process: as broker
 * and
 * processor end together, nothing but the tail is ever restored from them.
 */
export class Trimmer {
  readonly #broker: EmbeddedBroker
  readonly #admin: Admin
  readonly #trimmed = new Map<string, number>()
  #hasTrimmedState = false

  constructor(broker: EmbeddedBroker, admin: Admin) {
    this.#broker = broker
    this.#admin = admin
  }

  async trim(tasks: readonly OpenTask[], counted: readonly PartitionOffset[]): Promise<void> {
    const consumed = tasks.flatMap(({ sources }) =>
      sources.map(({ topic, partition, committedOffset: offset }) => ({ topic, partition, offset })),
    )
    const before = [...consumed, ...counted].filter(at => this.#isNews(at))
    if (before.length > 0) await this.#admin.deleteRecords(before)
    for (const { topic, partition, storedOffset: offset } of tasks.flatMap(({ stores }) => stores)) {
      if (!this.#isNews({ topic, partition, offset })) continue
      // A broker refuses to delete from a compacted topic when it is asked to.
      this.#broker.log(topic, partition)?.deleteBefore(offset)
      this.#hasTrimmedState = true
    }
  }

  /** The same stores; but state that was lost on disk cannot be restored any more, and must not be restored in part. */
  guard(stores: Stores): Stores {
    return {
      open: task => stores.open(task),
      destroy: async task => {
        if (!this.#hasTrimmedState) return stores.destroy(task)
        throw new AppError(
          'STATE_UNREADABLE',
          `The state of task ${task} is damaged, and the embedded broker keeps no changelog to restore it from. Start again.`,
        )
      },
    }
  }

  #isNews({ topic, partition, offset }: PartitionOffset): boolean {
    const key = `${topic}-${partition}`
    if (offset <= (this.#trimmed.get(key) ?? 0)) return false
    this.#trimmed.set(key, offset)
    return true
  }
}
