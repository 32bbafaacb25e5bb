import { describe } from 'vitest'
import { faultsConformance } from './conformance-faults.ts'
import { fencingConformance } from './conformance-fencing.ts'
import { fetchConformance } from './conformance-fetch.ts'
import { groupConformance } from './conformance-group.ts'
import type { MakeKafka } from './conformance-tools.ts'
import { rebalanceConformance } from './conformance-rebalance.ts'
import { topicsConformance } from './conformance-topics.ts'
import { transactionsConformance } from './conformance-transactions.ts'

export type { MakeKafka, OpenKafka } from './conformance-tools.ts'

/** What every client that promises exactly once has to do, whatever brokers it talks to. */
export function conformance(name: string, makeKafka: MakeKafka): void {
  describe(name, () => {
    topicsConformance(makeKafka)
    fetchConformance(makeKafka)
    transactionsConformance(makeKafka)
    fencingConformance(makeKafka)
    groupConformance(makeKafka)
    rebalanceConformance(makeKafka)
    faultsConformance(makeKafka)
  })
}
