import type { GroupMetadata, PartitionOffset, ProducerOptions } from '../../ports.ts'
import { AppError } from '../../errors.ts'
import { byTopic, keyOf } from './by-topic.ts'
import type { Cluster } from './cluster.ts'
import { check, errorOf, nameOf } from './failure.ts'
import { code, type EndTxnAnswer, type InitProducerIdAnswer, type OffsetCommitAnswer } from './messages.ts'

// Transaction protocol version 2 (KIP-890): partitions and offsets join the transaction by being sent, and every EndTxn
// gives the producer a new epoch, so that a late request can never hit a later transaction.

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export interface TransactionalProducer extends ProducerIdentity {
  readonly transactionalId: string
}

const transactionVersion = 2

/**
 * Takes a producer id with a new epoch; for a transactional id this fences its older holders and aborts what they
 * left.
 */
export async function initProducer(
  cluster: Cluster,
  options: ProducerOptions,
  signal: AbortSignal,
): Promise<ProducerIdentity> {
  const { transactionalId, transactionTimeoutMs } = options
  const body = { transactionalId, transactionTimeoutMs, producerId: -1, producerEpoch: -1 }
  // An open transaction of the older holder is aborted first, which takes as long as its partitions take.
  const retry = { signal, deadlineMs: Math.max(cluster.requestTimeoutMs, transactionTimeoutMs) }
  if (transactionalId === null) {
    return cluster.retry('Initialising a producer', retry, async () => {
      const answer = await cluster.anyBroker<InitProducerIdAnswer>('InitProducerId', 4, body)
      check('InitProducerId', answer.errorCode)
      return identityOf(answer)
    })
  }
  await cluster.retry('Asking for the features of the brokers', retry, () => requireTransactionVersion(cluster))
  const target = { kind: 'transaction', key: transactionalId } as const
  const call = { api: 'InitProducerId', version: 4, body }
  const answer = await cluster.retry(`Initialising producer ${transactionalId}`, retry, () =>
    cluster.atCoordinator<InitProducerIdAnswer>(target, call, ({ errorCode }) => {
      if (errorCode === code.invalidTransactionTimeout) {
        throw new AppError(
          'CONFIG',
          `The transaction timeout of ${transactionTimeoutMs} ms of ${transactionalId} is more than the brokers allow. ` +
            'Shorten it, or raise transaction.max.timeout.ms at the brokers.',
        )
      }
      check('InitProducerId', errorCode, `Transactional id ${transactionalId}.`)
    }),
  )
  return identityOf(answer)
}

const identityOf = ({ producerId, producerEpoch }: ProducerIdentity): ProducerIdentity => ({
  producerId,
  producerEpoch,
})

async function requireTransactionVersion(cluster: Cluster): Promise<void> {
  const features = await cluster.features()
  const level = features.get('transaction.version') ?? 0
  if (level >= transactionVersion) return
  throw new AppError(
    'CAPABILITY',
    `exactly_once needs brokers with the feature transaction.version ${transactionVersion} (Kafka 4.0 or later), ` +
      `but this cluster has finalized ${level}. ` +
      `Run kafka-features.sh upgrade --feature transaction.version=${transactionVersion}, or use at_least_once.`,
  )
}

/**
 * Adds the offsets to the transaction, with the member's generation: one that the group has left behind is refused
 * (KIP-447).
 */
export async function commitOffsets(
  cluster: Cluster,
  producer: TransactionalProducer,
  offsets: readonly PartitionOffset[],
  group: GroupMetadata,
  options: { readonly signal: AbortSignal; readonly deadlineMs: number; readonly sent?: (() => void) | undefined },
): Promise<void> {
  const { signal, deadlineMs, sent } = options
  const target = { kind: 'group', key: group.groupId } as const
  const tell = once(sent)
  await cluster.retry(`Committing offsets of group ${group.groupId}`, { signal, deadlineMs }, () =>
    inGeneration(group, offsets, current => {
      const body = {
        ...producer,
        groupId: current.groupId,
        generationId: current.generation,
        memberId: current.memberId,
        groupInstanceId: current.instanceId,
        topics: offsetTopics(offsets),
      }
      const call = { api: 'TxnOffsetCommit', version: 5, body, sent: tell }
      return cluster.atCoordinator<OffsetCommitAnswer>(target, call, answer => {
        verifyOffsets('TxnOffsetCommit', offsets, answer, current)
      })
    }),
  )
}

/** Commits in the name of a member; when its generation is refused because the group went on with it, in the next. */
export async function inGeneration(
  group: GroupMetadata,
  offsets: readonly PartitionOffset[],
  commit: (group: GroupMetadata) => Promise<unknown>,
): Promise<void> {
  for (let current = group; ;) {
    try {
      await commit(current)
      return
    } catch (error) {
      const isOld = error instanceof AppError && nameOf(error.cause) === 'ILLEGAL_GENERATION'
      const next = isOld ? await current.renewed?.(offsets) : null
      if (next === null || next === undefined) throw error
      current = next
    }
  }
}

export function offsetTopics(offsets: readonly PartitionOffset[]): object[] {
  return [...byTopic(offsets)].map(([name, list]) => ({
    name,
    partitions: list.map(({ partition, offset }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: -1,
      committedMetadata: '',
    })),
  }))
}

/** Every partition that was asked for must have been answered, and without an error (rule C5). */
export function verifyOffsets(
  api: string,
  offsets: readonly PartitionOffset[],
  answer: OffsetCommitAnswer,
  group: GroupMetadata,
): void {
  const left = new Set(offsets.map(({ topic, partition }) => keyOf(topic, partition)))
  for (const { name, partitions } of answer.topics) {
    for (const { partitionIndex, errorCode } of partitions) {
      const key = keyOf(name, partitionIndex)
      if (errorCode !== code.none) throw offsetError(api, errorCode, key, group)
      left.delete(key)
    }
  }
  if (left.size > 0) throw errorOf(api, code.requestTimedOut, `The answer leaves out ${[...left].join(', ')}.`)
}

const leftBehind: ReadonlySet<number> = new Set([code.illegalGeneration, code.unknownMemberId, code.fencedInstanceId])

function offsetError(api: string, errorCode: number, key: string, group: GroupMetadata): AppError {
  const error = errorOf(api, errorCode, `Partition ${key} in group ${group.groupId}.`)
  if (!leftBehind.has(errorCode)) return error
  return new AppError(
    'FENCED',
    `Group ${group.groupId} has gone on without member ${group.memberId} of generation ${group.generation} ` +
      `(${nameOf(error)}): others own its partitions now. Give them up and join again.`,
    { cause: error },
  )
}

/**
 * Ends the transaction. A lost answer is asked for again with the identical request until it is definite, however long
 * that takes: the outcome never changes on the way (rule C2). Answers what the next transaction goes by.
 */
export async function endTransaction(
  cluster: Cluster,
  producer: TransactionalProducer,
  outcome: 'commit' | 'abort',
  options: { readonly signal: AbortSignal; readonly sent?: (() => void) | undefined },
): Promise<ProducerIdentity> {
  const target = { kind: 'transaction', key: producer.transactionalId } as const
  const body = { ...producer, committed: outcome === 'commit' }
  const call = { api: 'EndTxn', version: 5, body, sent: once(options.sent) }
  const retry = { signal: options.signal, deadlineMs: Infinity }
  const answer = await cluster.retry(`Ending a transaction of ${producer.transactionalId} (${outcome})`, retry, () =>
    cluster.atCoordinator<EndTxnAnswer>(target, call, ({ errorCode }) => {
      check('EndTxn', errorCode, `Transactional id ${producer.transactionalId}, ${outcome}.`)
    }),
  )
  return identityOf(answer)
}

/** Later attempts are the same request: only the first is told. */
function once(sent: (() => void) | undefined): () => void {
  let left = sent
  return () => {
    const tell = left
    left = undefined
    tell?.()
  }
}
