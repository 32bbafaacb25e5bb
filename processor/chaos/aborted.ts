import type { Fetcher, Kafka, TopicPartition } from '../ports.ts'
import { partitionsOf } from '../testing/read-rows.ts'

const nameOf = ({ topic, partition }: TopicPartition): string => `${topic} ${partition}`

/**
 * Counts records of aborted transactions as they come, in all topics that an application writes: what was under way
 * when something was killed. Later they may be gone, since changelogs are compacted and repartition topics purged.
 */
export class Aborted {
  records = 0
  readonly #kafka: Kafka
  readonly #partitions: readonly TopicPartition[]
  readonly #fetcher: Fetcher
  readonly #positions = new Map<string, number>()
  readonly #running: Promise<void>
  #hasEnds: (() => boolean) | null = null

  private constructor(kafka: Kafka, partitions: readonly TopicPartition[]) {
    this.#kafka = kafka
    this.#partitions = partitions
    this.#fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: 200 })
    this.#fetcher.assign(partitions.map(at => ({ ...at, offset: 0 })))
    this.#running = this.#run()
    // Told by `finish`.
    this.#running.catch(() => undefined)
  }

  static async open(kafka: Kafka, topics: readonly string[]): Promise<Aborted> {
    return new Aborted(kafka, (await Promise.all(topics.map(topic => partitionsOf(kafka, topic)))).flat())
  }

  /** Reads on to what is the end now. */
  async finish(): Promise<number> {
    const ends = await this.#kafka.admin().offsets(this.#partitions, 'latest', 'read_committed')
    this.#hasEnds = () => ends.every(at => at.offset === 0 || (this.#positions.get(nameOf(at)) ?? 0) >= at.offset)
    await this.#running
    return this.records
  }

  async close(): Promise<void> {
    this.#hasEnds = () => true
    await this.#running.catch(() => undefined)
    await this.#fetcher.close()
  }

  async #run(): Promise<void> {
    while (this.#hasEnds?.() !== true) {
      for (const fetched of await this.#fetcher.poll(200)) {
        if (fetched.error === null) {
          this.records += fetched.abortedRecords
          this.#positions.set(nameOf(fetched), fetched.nextOffset)
        } else if (fetched.error === 'OFFSET_OUT_OF_RANGE') await this.#skipPurged(fetched)
        else throw new Error(`Reading ${nameOf(fetched)} failed: ${fetched.error}`)
      }
    }
  }

  /** What was purged before it was read is not counted. */
  async #skipPurged({ topic, partition }: TopicPartition): Promise<void> {
    const begin = await this.#kafka.admin().offsets([{ topic, partition }], 'earliest', 'read_uncommitted')
    this.#fetcher.assign(begin)
    for (const at of begin) this.#positions.set(nameOf(at), at.offset)
  }
}
