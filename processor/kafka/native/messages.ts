import type { Buffer } from 'node:buffer'
import type { AbortedTransaction } from './batch-decode.ts'

// The answers of Kafka that the client reads, as far as it reads them. Names are Kafka's, with a small first letter.

export interface ApiVersionsAnswer {
  readonly errorCode: number
  readonly apiKeys: readonly { readonly apiKey: number; readonly minVersion: number; readonly maxVersion: number }[]
  readonly finalizedFeatures?: readonly { readonly name: string; readonly maxVersionLevel: number }[]
}

export interface MetadataPartition {
  readonly errorCode: number
  readonly partitionIndex: number
  readonly leaderId: number
  readonly leaderEpoch: number
}

export interface MetadataTopic {
  readonly errorCode: number
  readonly name: string | null
  /** 32 hex digits. */
  readonly topicId: string
  readonly partitions: readonly MetadataPartition[]
}

export interface MetadataAnswer {
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[]
  readonly clusterId: string | null
  readonly topics: readonly MetadataTopic[]
}

export interface FindCoordinatorAnswer {
  readonly coordinators: readonly {
    readonly nodeId: number
    readonly host: string
    readonly port: number
    readonly errorCode: number
    readonly errorMessage: string | null
  }[]
}

export interface FetchPartitionAnswer {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly records: Buffer | null
}

export interface FetchAnswer {
  readonly errorCode: number
  readonly responses: readonly { readonly topicId: string; readonly partitions: readonly FetchPartitionAnswer[] }[]
}

export interface ProducePartitionAnswer {
  readonly index: number
  readonly errorCode: number
  readonly baseOffset: number
  readonly errorMessage: string | null
}

export interface ProduceAnswer {
  readonly responses: readonly {
    readonly name: string
    readonly partitionResponses: readonly ProducePartitionAnswer[]
  }[]
}

export interface InitProducerIdAnswer {
  readonly errorCode: number
  readonly producerId: number
  readonly producerEpoch: number
}

export type EndTxnAnswer = InitProducerIdAnswer

export interface ListTransactionsAnswer {
  readonly errorCode: number
  readonly transactionStates: readonly { readonly transactionalId: string }[]
}

/** Of OffsetCommit and TxnOffsetCommit. */
export interface OffsetCommitAnswer {
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[]
  }[]
}

export interface OffsetFetchAnswer {
  readonly groups: readonly {
    readonly errorCode: number
    readonly topics: readonly {
      readonly name: string
      readonly partitions: readonly {
        readonly partitionIndex: number
        readonly committedOffset: number
        readonly errorCode: number
      }[]
    }[]
  }[]
}

export interface ListOffsetsAnswer {
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly {
      readonly partitionIndex: number
      readonly errorCode: number
      readonly offset: number
    }[]
  }[]
}

export interface CreateTopicsAnswer {
  readonly topics: readonly {
    readonly name: string
    readonly errorCode: number
    readonly errorMessage: string | null
  }[]
}

export interface DeleteTopicsAnswer {
  readonly responses: readonly {
    readonly name: string | null
    readonly errorCode: number
    readonly errorMessage: string | null
  }[]
}

export interface DescribeConfigsAnswer {
  readonly results: readonly {
    readonly errorCode: number
    readonly errorMessage: string | null
    readonly resourceName: string
    readonly configs: readonly { readonly name: string; readonly value: string | null }[]
  }[]
}

export interface DeleteRecordsAnswer {
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly { readonly partitionIndex: number; readonly errorCode: number }[]
  }[]
}

export interface JoinGroupAnswer {
  readonly errorCode: number
  readonly generationId: number
  readonly leader: string
  readonly skipAssignment: boolean
  readonly memberId: string
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly metadata: Buffer
  }[]
}

export interface SyncGroupAnswer {
  readonly errorCode: number
  readonly assignment: Buffer
}

export interface HeartbeatAnswer {
  readonly errorCode: number
}

/** Kafka's `0`: no error. Numbers of errors that decide what happens next; their names are in the protocol's table. */
export const code = {
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  requestTimedOut: 7,
  replicaNotAvailable: 9,
  messageTooLarge: 10,
  networkException: 13,
  coordinatorLoadInProgress: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  recordListTooLarge: 18,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  illegalGeneration: 22,
  unknownMemberId: 25,
  rebalanceInProgress: 27,
  topicAuthorizationFailed: 29,
  unsupportedVersion: 35,
  topicAlreadyExists: 36,
  outOfOrderSequenceNumber: 45,
  duplicateSequenceNumber: 46,
  invalidProducerEpoch: 47,
  invalidTransactionTimeout: 50,
  concurrentTransactions: 51,
  kafkaStorageError: 56,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
  offsetNotAvailable: 78,
  memberIdRequired: 79,
  fencedInstanceId: 82,
  unstableOffsetCommit: 88,
  throttlingQuotaExceeded: 89,
  producerFenced: 90,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
} as const
