import type { Buffer } from 'node:buffer'
import { codes } from './codes.ts'
import type { Housekeeping } from './housekeeping.ts'
import type { Topics } from './topics.ts'
import type { TransactionCoordinator } from './transactions.ts'

export interface ProduceRequest {
  readonly transactionalId?: string | null
  readonly topicData: readonly {
    /** Up to version 12. */
    readonly name?: string
    /** From version 13 on (KIP-516). */
    readonly topicId?: string
    readonly partitionData: readonly { readonly index: number; readonly records: Buffer | readonly Buffer[] | null }[]
  }[]
}

interface PartitionAnswer {
  readonly index: number
  readonly errorCode: number
  readonly baseOffset: number
  readonly logAppendTimeMs: -1
  readonly logStartOffset: number
  readonly recordErrors: readonly never[]
  readonly errorMessage: null
}

/** Answers Produce, and brings partitions into transactions. */
export class Produces {
  readonly #topics: Topics
  readonly #transactions: TransactionCoordinator
  readonly #housekeeping: Housekeeping

  constructor(topics: Topics, transactions: TransactionCoordinator, housekeeping: Housekeeping) {
    this.#topics = topics
    this.#transactions = transactions
    this.#housekeeping = housekeeping
  }

  produce(request: ProduceRequest, version: number, node: number): object {
    const responses = request.topicData.map(({ name, topicId, partitionData }) => {
      const topic = version >= 13 ? this.#topics.byId(topicId ?? '') : this.#topics.get(name ?? '')
      const missing = topic === undefined && version >= 13 ? codes.UNKNOWN_TOPIC_ID : codes.UNKNOWN_TOPIC_OR_PARTITION
      const partitionResponses = partitionData.map(({ index, records }) => {
        const log = topic?.partitions[index]
        if (topic === undefined || log === undefined) return answer(index, missing)
        if (this.#topics.leader(index) !== node) return answer(index, codes.NOT_LEADER_OR_FOLLOWER)
        if (records === null) return answer(index, codes.INVALID_RECORD)
        this.#housekeeping.appending(log)
        const { errorCode, baseOffset } = log.append(records, {
          maxBatchBytes: topic.configs.number('max.message.bytes'),
          strict: version >= 12,
          admit: ({ producerId, producerEpoch }) =>
            this.#admit(request.transactionalId ?? null, version, producerId, producerEpoch, log),
        })
        if (errorCode === codes.NONE) this.#housekeeping.appended(topic, log)
        return answer(index, errorCode, baseOffset, log.logStartOffset)
      })
      return version >= 13 ? { topicId, partitionResponses } : { name, partitionResponses }
    })
    return { responses, throttleTimeMs: 0 }
  }

  /** Version 12 adds the partition to the transaction (KIP-890 part 2); before, it must have been added (part 1). */
  #admit(
    id: string | null,
    version: number,
    producerId: number,
    epoch: number,
    partition: { readonly topic: string; readonly partition: number },
  ): number {
    if (id === null) return codes.INVALID_TXN_STATE
    const participants = { partitions: [{ topic: partition.topic, partition: partition.partition }] }
    const error = this.#transactions[version >= 12 ? 'add' : 'verify'](id, producerId, epoch, participants)
    // Kafka's own translation: clients know a fenced producer from Produce under this name.
    if (error === codes.PRODUCER_FENCED) return codes.INVALID_PRODUCER_EPOCH
    return error === codes.TRANSACTION_ABORTABLE && version < 11 ? codes.INVALID_TXN_STATE : error
  }
}

const answer = (index: number, errorCode: number, baseOffset = -1, logStartOffset = -1): PartitionAnswer => ({
  index,
  errorCode,
  baseOffset,
  logAppendTimeMs: -1,
  logStartOffset,
  recordErrors: [],
  errorMessage: null,
})
