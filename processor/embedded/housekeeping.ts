import type { World } from '../ports.ts'
import type { BrokerOptions } from './options.ts'
import { compact } from './compaction.ts'
import type { PartitionLog } from './log.ts'
import type { Timers } from './timers.ts'
import type { Topic } from './topics.ts'

/** Keeps partitions within bounds as they grow: deletes from the front, or compacts; and forgets old producers. */
export class Housekeeping {
  readonly #world: World
  readonly #timers: Timers
  readonly #maxBytes: number
  readonly #compactionBytes: number
  readonly #producerIdExpirationMs: number
  /** The size after the last compaction. */
  readonly #compactBytes = new WeakMap<PartitionLog, number>()
  readonly #waiting = new WeakSet<PartitionLog>()

  constructor(world: World, timers: Timers, options: BrokerOptions) {
    this.#world = world
    this.#timers = timers
    this.#maxBytes = options.maxBytesPerPartition ?? Infinity
    this.#compactionBytes = options.compactionBytes ?? 16 << 20
    this.#producerIdExpirationMs = options.producerIdExpirationMs ?? 86_400_000
  }

  appending({ producers }: PartitionLog): void {
    producers.expire(this.#world.clock.now(), this.#producerIdExpirationMs)
  }

  restarted({ producers }: PartitionLog): void {
    producers.restart(this.#world.clock.now(), this.#producerIdExpirationMs)
  }

  appended({ configs }: Topic, log: PartitionLog): void {
    const { sizeBytes } = log.batches
    if (configs.deletes) {
      const retentionBytes = configs.number('retention.bytes')
      const maxBytes = Math.min(this.#maxBytes, retentionBytes < 0 ? Infinity : retentionBytes)
      if (sizeBytes > maxBytes) log.trimToBytes(maxBytes)
    }
    if (!configs.compacted) return
    const compactBytes = this.#compactBytes.get(log) ?? 0
    const grownBytes = sizeBytes - compactBytes
    if (grownBytes < this.#compactionBytes || grownBytes < sizeBytes / 2 || this.#waiting.has(log)) return
    // Not within the request that made it grow: its producer is not to wait for it.
    this.#waiting.add(log)
    this.#timers
      .timer(() => {
        this.#waiting.delete(log)
        compact(log, { nowMs: this.#world.clock.now(), deleteRetentionMs: configs.number('delete.retention.ms') })
        this.#compactBytes.set(log, log.batches.sizeBytes)
      })
      .set(0)
  }
}
