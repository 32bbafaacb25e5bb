import type { Cluster } from './cluster.ts'
import { check, messageOf } from './failure.ts'
import type { ListTransactionsAnswer } from './messages.ts'

/** A broker that does not answer is soon coordinator of nothing: what it had is told by the next one, or times out. */
const deadlineMs = 3_000

/**
 * Transactional ids that begin with `prefix` and have an open transaction (KIP-664). Every broker is asked for those
 * that it coordinates.
 */
export async function ongoingTransactions(cluster: Cluster, prefix: string): Promise<readonly string[]> {
  await cluster.retry('Looking up brokers', {}, () => cluster.refresh([]))
  const what = `Listing the open transactions of ${prefix}`
  const ask = async (broker: number): Promise<readonly string[]> => {
    try {
      return await cluster.retry(`${what} at broker ${broker}`, { deadlineMs }, async () => {
        const body = { stateFilters: ['Ongoing'], producerIdFilters: [] }
        const answer = await cluster.request<ListTransactionsAnswer>(broker, 'any', 'ListTransactions', 0, body)
        check('ListTransactions', answer.errorCode)
        return answer.transactionStates.map(({ transactionalId }) => transactionalId)
      })
    } catch (error) {
      if (cluster.signal.aborted) throw error
      cluster.world.log.warn({ broker }, `${what} failed at a broker: ${messageOf(error)}`)
      return []
    }
  }
  const found = await Promise.all([...cluster.metadata.brokers.keys()].map(ask))
  return [...new Set(found.flat())].filter(id => id.startsWith(prefix)).toSorted()
}
