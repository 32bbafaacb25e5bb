import { createHash } from 'node:crypto'
import type { Fetcher, Kafka } from '../ports.ts'
import { partitionsOf, type Row, rowsOf } from '../testing/read-rows.ts'

const nameOf = ({ topic, partition }: { topic: string; partition: number }): string => `${topic} ${partition}`

const digestOf = ({ key, value }: Row): string =>
  createHash('sha1')
    .update(key ?? 'none')
    .update('\0')
    .update(value ?? 'none')
    .digest('base64')

/**
 * A read_committed reader of the outputs who is there all the time. No two records of them are alike, so that a double
 * is seen as it comes; what was ever seen must be in the log in the end, at the same place.
 */
export class Witness {
  /** Seen so far. */
  records = 0
  readonly doubles: string[] = []
  /** Digests of what was seen, by topic, partition and offset. */
  readonly #seen = new Map<string, Map<number, string>>()
  readonly #digests = new Set<string>()
  readonly #positions = new Map<string, number>()
  readonly #fetcher: Fetcher
  readonly #running: Promise<void>
  #hasEnds: (() => boolean) | null = null

  private constructor(fetcher: Fetcher) {
    this.#fetcher = fetcher
    this.#running = this.#run()
    // Told by `finish`.
    this.#running.catch(() => undefined)
  }

  static async open(kafka: Kafka, topics: readonly string[]): Promise<Witness> {
    const partitions = (await Promise.all(topics.map(topic => partitionsOf(kafka, topic)))).flat()
    const fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: 200 })
    fetcher.assign(partitions.map(at => ({ ...at, offset: 0 })))
    return new Witness(fetcher)
  }

  /** Reads on to `ends`; what differs from `rows`, the log as it is in the end. */
  async finish(
    rows: ReadonlyMap<string, readonly Row[]>,
    ends: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[],
  ): Promise<string[]> {
    this.#hasEnds = () => ends.every(at => at.offset === 0 || (this.#positions.get(nameOf(at)) ?? 0) >= at.offset)
    await this.#running
    await this.#fetcher.close()
    const lines: string[] = []
    let count = 0
    for (const [topic, list] of rows) {
      for (const row of list) {
        count++
        const found = this.#seen.get(nameOf({ topic, partition: row.partition }))?.get(row.offset)
        if (found !== digestOf(row)) {
          const how = found === undefined ? 'was not seen' : 'was seen as another'
          lines.push(`${topic} ${row.partition}@${row.offset} ${how} while the run went on`)
        }
      }
    }
    if (count !== this.records) lines.push(`${this.records} records were seen while the run went on, of ${count}`)
    return lines
  }

  async close(): Promise<void> {
    this.#hasEnds = () => true
    await this.#running.catch(() => undefined)
    await this.#fetcher.close()
  }

  async #run(): Promise<void> {
    while (this.#hasEnds?.() !== true) {
      for (const fetched of await this.#fetcher.poll(200)) {
        const name = nameOf(fetched)
        if (fetched.error !== null) throw new Error(`Reading ${name} failed: ${fetched.error}`)
        this.#positions.set(name, fetched.nextOffset)
        const seen = this.#seen.get(name) ?? new Map<number, string>()
        this.#seen.set(name, seen)
        for (const row of rowsOf(fetched)) {
          const digest = digestOf(row)
          if (seen.has(row.offset)) this.doubles.push(`${name}@${row.offset} was read twice`)
          else if (this.#digests.has(fetched.topic + digest)) this.doubles.push(`${name}@${row.offset} is a double`)
          seen.set(row.offset, digest)
          this.#digests.add(fetched.topic + digest)
          this.records++
        }
      }
    }
  }
}
