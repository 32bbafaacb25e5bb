import type { Buffer } from 'node:buffer'
import { analytics, fraudAlerts, paymentsLate, paymentsRejected } from '../../schemas/payments/topics.ts'
import type { FraudAlert, RejectedPayment } from '../../schemas/payments/types.ts'
import type { Registry } from '../../schemas/registry.ts'
import { NotReady, type Serde } from '../../schemas/serde.ts'
import type { FetchedPartition, Fetcher, Kafka, PartitionOffset, TopicPartition } from '../ports.ts'

/** What the flagship has written, counted from its topics as a reader of committed records sees them. */
export class Outcomes {
  alerts = 0
  rejected = 0
  late = 0
  analytics = 0
  readonly alertsByRule = new Map<string, number>()
  readonly rejectedByCode = new Map<string, number>()
}

export interface OutcomeReaderOptions {
  readonly kafka: Kafka
  readonly registry: Registry
  /** `earliest`: all there is; `latest`: what is written from now on. */
  readonly from: 'earliest' | 'latest'
}

const topics = [fraudAlerts, paymentsRejected, paymentsLate, analytics] as const

type Count = (value: unknown, outcomes: Outcomes) => void

/** How one record of a topic is counted; null: only that it is there, without decoding it. */
interface Counting {
  readonly serde: Serde<unknown>
  readonly count: Count
}

/** Follows the flagship's output topics. */
export class OutcomeReader {
  readonly outcomes = new Outcomes()
  readonly #kafka: Kafka
  readonly #fetcher: Fetcher
  readonly #countings: ReadonlyMap<string, Counting>
  readonly #positions: Map<string, PartitionOffset>

  private constructor(
    kafka: Kafka,
    fetcher: Fetcher,
    countings: ReadonlyMap<string, Counting>,
    positions: readonly PartitionOffset[],
  ) {
    this.#kafka = kafka
    this.#fetcher = fetcher
    this.#countings = countings
    this.#positions = new Map(positions.map(at => [keyOf(at), at]))
  }

  /** The topics have to be there. */
  static async open({ kafka, registry, from }: OutcomeReaderOptions): Promise<OutcomeReader> {
    const admin = kafka.admin()
    const found = await admin.topics(topics.map(topic => topic.name))
    const partitions = [...found.values()].flatMap(({ name, partitions: count }) =>
      Array.from({ length: count }, (_, partition) => ({ topic: name, partition })),
    )
    const positions = await admin.offsets(partitions, from, 'read_committed')
    const bind = { part: 'value', writes: false, registry } as const
    const countings = new Map<string, Counting>([
      [
        fraudAlerts.name,
        { serde: await fraudAlerts.value.bind!({ topic: fraudAlerts.name, ...bind }), count: countAlert },
      ],
      [
        paymentsRejected.name,
        { serde: await paymentsRejected.value.bind!({ topic: paymentsRejected.name, ...bind }), count: countRejected },
      ],
    ])
    const fetcher = kafka.fetcher({ isolation: 'read_committed', maxWaitMs: 500 })
    fetcher.assign(positions)
    return new OutcomeReader(kafka, fetcher, countings, positions)
  }

  /** Everything below these offsets is counted. */
  get positions(): readonly PartitionOffset[] {
    return [...this.#positions.values()]
  }

  /** Counts what has come; waits up to `timeoutMs` for something. */
  async poll(timeoutMs: number): Promise<void> {
    for (const fetched of await this.#fetcher.poll(timeoutMs)) {
      await this.#count(fetched)
      this.#positions.set(keyOf(fetched), {
        topic: fetched.topic,
        partition: fetched.partition,
        offset: fetched.nextOffset,
      })
    }
  }

  /** Counts everything that is committed by now. */
  async finish(): Promise<void> {
    const ends = await this.#kafka.admin().offsets(this.positions, 'latest', 'read_committed')
    while (ends.some(end => this.#positions.get(keyOf(end))!.offset < end.offset)) await this.poll(500)
  }

  close(): Promise<void> {
    return this.#fetcher.close()
  }

  async #count(fetched: FetchedPartition): Promise<void> {
    const { outcomes } = this
    const { records, topic } = fetched
    if (topic === paymentsLate.name) outcomes.late += records.length
    if (topic === analytics.name) outcomes.analytics += records.length
    const counting = this.#countings.get(topic)
    if (counting === undefined) return
    for (let row = 0; row < records.length; row++) {
      const start = records.valueStart[row]!
      if (start < 0) continue
      const bytes = records.buffers[records.buffer[row]!]!
      counting.count(await readReady(counting.serde, bytes, start, records.valueEnd[row]!), outcomes)
    }
  }
}

async function readReady(serde: Serde<unknown>, bytes: Buffer, start: number, end: number): Promise<unknown> {
  for (;;) {
    try {
      return serde.read(bytes, start, end)
    } catch (error) {
      if (!(error instanceof NotReady)) throw error
      await error.ready()
    }
  }
}

const countAlert: Count = (value, outcomes) => {
  outcomes.alerts++
  for (const { ruleId } of (value as FraudAlert).hits) increment(outcomes.alertsByRule, ruleId)
}

const countRejected: Count = (value, outcomes) => {
  outcomes.rejected++
  for (const { code } of (value as RejectedPayment).errors) increment(outcomes.rejectedByCode, code)
}

const increment = (counts: Map<string, number>, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

const keyOf = (at: TopicPartition): string => `${at.topic}-${at.partition}`
