import type { Kafka, TopicPartition, World } from '../ports.ts'

const pollMs = 50

/** The committed offsets of the input, watched all the time. */
export class Progress {
  /** By partition; -1 before the first commit. */
  readonly committed: number[]
  readonly #kafka: Kafka
  readonly #world: World
  readonly #application: string
  readonly #partitions: readonly TopicPartition[]
  readonly #closing = new AbortController()
  readonly #running: Promise<unknown>

  constructor(kafka: Kafka, world: World, application: string, partitions: readonly TopicPartition[]) {
    this.#kafka = kafka
    this.#world = world
    this.#application = application
    this.#partitions = partitions
    this.committed = partitions.map(() => -1)
    // Each for itself: where offsets are pending, the coordinator has to be asked again.
    this.#running = Promise.all(partitions.map((_, index) => this.#watch(index)))
  }

  get total(): number {
    return this.committed.reduce((sum, offset) => sum + Math.max(0, offset), 0)
  }

  /** Records in the input that are not committed, with the marks of its end. */
  async lag(): Promise<number> {
    const ends = await this.#kafka.admin().offsets(this.#partitions, 'latest', 'read_uncommitted')
    return ends.reduce((sum, { offset }) => sum + offset, 0) - this.total
  }

  /**
   * By partition: milliseconds from `fromMs` until it was seen to go on from where it was committed at the time of the
   * call; Infinity: that took longer than `timeoutMs`. Offsets are asked for after the call, and only stable ones are
   * told, so what was on its way is taken for the past, and the figure is no smaller than the truth.
   */
  recovery(fromMs: number, timeoutMs: number): Promise<readonly number[]> {
    const { clock, scheduler } = this.#world
    const untilGone = async (index: number): Promise<number> => {
      const before = await this.#ask(index)
      while (this.committed[index]! <= before) {
        if (clock.monotonic() - fromMs > timeoutMs) return Infinity
        await scheduler.sleep(pollMs / 2)
      }
      return clock.monotonic() - fromMs
    }
    return Promise.all(this.#partitions.map((_, index) => untilGone(index)))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  async #watch(index: number): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      this.committed[index] = await this.#ask(index)
      await this.#world.scheduler.sleep(pollMs, signal)
    }
  }

  /** As often as it takes: brokers may be down. */
  async #ask(index: number): Promise<number> {
    for (;;) {
      try {
        const [answer] = await this.#kafka.admin().committed(this.#application, [this.#partitions[index]!])
        return answer!.offset ?? -1
      } catch (error) {
        if (this.#closing.signal.aborted) return this.committed[index]!
        this.#world.log.debug({ error }, 'committed offsets are asked for again')
        await this.#world.scheduler.sleep(pollMs)
      }
    }
  }
}
