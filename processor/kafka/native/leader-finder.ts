import type { Cluster } from './cluster.ts'
import type { FetchPosition } from './fetch-position.ts'
import { pauseMs } from './retry.ts'

export interface LeaderFinderHandlers {
  /** Some positions have a leader now. */
  found(): void
  failed(position: FetchPosition, error: string): void
}

/**
 * A broker that starts, or that has not heard of a new topic, says that the topic is not there. Only when it is said
 * this often in a row, with growing pauses in between (about a second in all), it is believed.
 */
const missingBeforeFailure = 4

/** Gives every position that has none a leader, asking brokers for as long as that takes. One look-up at a time. */
export class LeaderFinder {
  readonly #cluster: Cluster
  readonly #positions: ReadonlyMap<string, FetchPosition>
  readonly #signal: AbortSignal
  readonly #handlers: LeaderFinderHandlers
  #running = false

  constructor(
    cluster: Cluster,
    positions: ReadonlyMap<string, FetchPosition>,
    signal: AbortSignal,
    handlers: LeaderFinderHandlers,
  ) {
    this.#cluster = cluster
    this.#positions = positions
    this.#signal = signal
    this.#handlers = handlers
  }

  wake(): void {
    if (this.#running) return
    this.#running = true
    void this.#run()
  }

  async #run(): Promise<void> {
    const { world } = this.#cluster
    for (let rounds = 0; !this.#signal.aborted; rounds++) {
      if (this.#settle(rounds > 0)) this.#handlers.found()
      const names = new Set(this.#lost().map(({ topic }) => topic))
      if (names.size === 0) break
      if (rounds > 0) await world.scheduler.sleep(pauseMs(world, rounds + 5), this.#signal)
      await this.#cluster.refreshQuietly([...names])
      if (this.#signal.aborted) break
      this.#countMissing()
    }
    this.#running = false
  }

  #lost(): FetchPosition[] {
    return [...this.#positions.values()].filter(({ leader, failed }) => leader === null && !failed)
  }

  /** Takes leaders from what is known. What failed since the last look-up (`asked` false) needs a new one first. */
  #settle(asked: boolean): boolean {
    let found = false
    for (const position of this.#lost()) {
      if (!asked && position.failures > 0) continue
      const topic = this.#cluster.metadata.topic(position.topic)
      if (topic === undefined) continue
      if (position.confirmed && position.topicId !== topic.id) {
        this.#handlers.failed(position, 'UNKNOWN_TOPIC_ID')
        continue
      }
      position.leader = topic.leaders[position.partition] ?? null
      position.topicId = topic.id
      if (position.leader !== null) {
        position.missing = 0
        found = true
      }
    }
    return found
  }

  #countMissing(): void {
    for (const position of this.#lost()) {
      const topic = this.#cluster.metadata.topic(position.topic)
      if (topic !== undefined && position.partition < topic.leaders.length) continue
      position.missing++
      if (position.missing >= missingBeforeFailure) this.#handlers.failed(position, 'UNKNOWN_TOPIC_OR_PARTITION')
    }
  }
}
