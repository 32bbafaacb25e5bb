import type { Aggregate } from '../../aggregates.ts'
import { withoutSerde } from '../../picking.ts'
import type { PastPayment } from '../history.ts'

/** The latest payment that has a place. */
export const latestPlace: Aggregate<PastPayment, PastPayment | null, PastPayment | null> = {
  kind: 'latest-place',
  init: () => null,
  add: (latest, payment) => (payment.place === null ? latest : payment),
  /** The oldest leaves first: when the latest one that has a place leaves, no other is left. */
  subtract: (latest, payment) =>
    latest !== null && latest.partition === payment.partition && latest.offset === payment.offset ? null : latest,
  merge: (left, right) => right ?? left,
  result: latest => latest,
  state: withoutSerde,
}
