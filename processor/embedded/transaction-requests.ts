import type { TopicPartition } from '../ports.ts'
import { codes } from './codes.ts'
import { isTransactionState, type TransactionCoordinator } from './transactions.ts'

interface Identity {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

export interface AddPartitionsRequest {
  readonly v3AndBelowTransactionalId: string
  readonly v3AndBelowProducerId: number
  readonly v3AndBelowProducerEpoch: number
  readonly v3AndBelowTopics: readonly { readonly name: string; readonly partitions: readonly number[] }[]
}

/** The requests of transactions in Kafka's message format. */
export class TransactionRequests {
  readonly #transactions: TransactionCoordinator
  readonly #exists: (topic: string, partition: number) => boolean

  constructor(transactions: TransactionCoordinator, exists: (topic: string, partition: number) => boolean) {
    this.#transactions = transactions
    this.#exists = exists
  }

  initProducerId(request: {
    readonly transactionalId: string | null
    readonly transactionTimeoutMs: number
    readonly producerId?: number
    readonly producerEpoch?: number
  }): object {
    const { transactionalId, transactionTimeoutMs, producerId = -1, producerEpoch = -1 } = request
    const answer = this.#transactions.initProducerId(transactionalId, transactionTimeoutMs, producerId, producerEpoch)
    return { throttleTimeMs: 0, ...answer }
  }

  /** All of them, or none. */
  addPartitions(request: AddPartitionsRequest): object {
    const topics = request.v3AndBelowTopics
    const partitions: TopicPartition[] = topics.flatMap(({ name, partitions: indexes }) =>
      indexes.map(partition => ({ topic: name, partition })),
    )
    const unknown = partitions.some(({ topic, partition }) => !this.#exists(topic, partition))
    const error = unknown
      ? codes.OPERATION_NOT_ATTEMPTED
      : this.#transactions.add(
          request.v3AndBelowTransactionalId,
          request.v3AndBelowProducerId,
          request.v3AndBelowProducerEpoch,
          { partitions },
        )
    const resultsByTopicV3AndBelow = topics.map(({ name, partitions: indexes }) => ({
      name,
      resultsByPartition: indexes.map(partitionIndex => ({
        partitionIndex,
        partitionErrorCode: this.#exists(name, partitionIndex) ? error : codes.UNKNOWN_TOPIC_OR_PARTITION,
      })),
    }))
    return { throttleTimeMs: 0, resultsByTopicV3AndBelow }
  }

  addOffsets({ transactionalId, producerId, producerEpoch, groupId }: Identity & { readonly groupId: string }): object {
    const errorCode = this.#transactions.add(transactionalId, producerId, producerEpoch, { groupId })
    return { throttleTimeMs: 0, errorCode }
  }

  /** Every node answers for all coordinators. */
  list(request: { readonly stateFilters: readonly string[]; readonly producerIdFilters: readonly number[] }): object {
    const { stateFilters, producerIdFilters } = request
    const transactionStates = this.#transactions
      .list()
      .filter(({ transactionState }) => stateFilters.length === 0 || stateFilters.includes(transactionState))
      .filter(({ producerId }) => producerIdFilters.length === 0 || producerIdFilters.includes(producerId))
    const unknownStateFilters = stateFilters.filter(name => !isTransactionState(name))
    return { throttleTimeMs: 0, errorCode: codes.NONE, unknownStateFilters, transactionStates }
  }

  end(
    { transactionalId, producerId, producerEpoch, committed }: Identity & { readonly committed: boolean },
    version: number,
  ): object {
    if (version >= 5) {
      return {
        throttleTimeMs: 0,
        ...this.#transactions.endVersion2(transactionalId, producerId, producerEpoch, committed),
      }
    }
    const errorCode = this.#transactions.endVersion1(transactionalId, producerId, producerEpoch, committed)
    return { throttleTimeMs: 0, errorCode }
  }
}
