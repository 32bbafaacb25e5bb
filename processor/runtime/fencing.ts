import type { Kafka, World } from '../ports.ts'
import { transactionalIdPrefix } from './worker-place.ts'

/** Whose transactions are to be ended before tasks are opened. */
export interface FormerOwners {
  /** Transactional ids of members that are in the group no more, as the group remembers them. */
  readonly ids: readonly string[]
  /** Of transactional ids with an open transaction, those that the group has forgotten; null: it remembers all. */
  readonly forgotten: ((open: readonly string[]) => readonly string[]) | null
  /** They are fenced. */
  done(): void
}

export interface FencingOptions {
  readonly application: string
  readonly kafka: Kafka
  readonly world: World
  readonly transactionTimeoutMs: number
  readonly formerOwners: FormerOwners
}

/**
 * Ends what members that vanished have left open, before anything is asked for that depends on it: their transactions
 * would hide committed offsets, and hold back the end of the changelogs, until their timeout (rule C10; Kafka's own
 * `Admin.fenceProducers` does the same). What the group remembers goes from member to member; when all of them are gone
 * the brokers are asked.
 */
export async function fenceFormerOwners(options: FencingOptions, signal: AbortSignal): Promise<void> {
  const { application, kafka, formerOwners } = options
  const { ids, forgotten } = formerOwners
  const open = forgotten === null ? [] : await kafka.admin().ongoingTransactions(transactionalIdPrefix(application))
  const all = new Set([...ids, ...(forgotten?.(open) ?? [])])
  if (signal.aborted) return
  await Promise.all([...all].map(id => fence(id, options, signal)))
  formerOwners.done()
}

async function fence(transactionalId: string, options: FencingOptions, signal: AbortSignal): Promise<void> {
  const { kafka, transactionTimeoutMs, world } = options
  const producer = kafka.producer({ transactionalId, transactionTimeoutMs })
  const close = (): void => void producer.close()
  signal.addEventListener('abort', close)
  try {
    await producer.init()
    world.log.info({ transactionalId }, 'fenced a worker that is gone: what it had not committed is aborted')
  } finally {
    signal.removeEventListener('abort', close)
    await producer.close()
  }
}
