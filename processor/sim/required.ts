import { commitSteps } from '../runtime/commit.ts'
import { faultNames } from './fault-names.ts'

// A batch of seeds in which one of these was never hit proves nothing about it (rule M9): it fails as vacuous.

/** What every batch must have met, however small. */
const always = [
  'aborted transactions',
  'aborted records',
  'committed transactions',
  'late records',
  'rejected records',
  'restores',
  'generations',
  'stores compared',
  'results compared',
]

/** What a batch of a hundred seeds must have met. */
const inHundred = [
  ...faultNames.map(name => `fault: ${name}`),
  // The kill points K1 to K9.
  ...commitSteps.map(step => `killed at ${step}`),
  'killed at a port',
  'guarantee: at_least_once',
  'days passed',
  'zombies refused',
  'too late: EndTxn',
  'answer lost: Produce',
  'answer lost: TxnOffsetCommit',
  'answer lost: EndTxn',
  'answer lost: InitProducerId',
  'answered: CONCURRENT_TRANSACTIONS',
  'refused: OUT_OF_ORDER_SEQUENCE_NUMBER',
  'refused: UNKNOWN_PRODUCER_ID',
  'epochs run out',
  'recovered from FENCED',
  'copies taken over',
  'copies caught up',
  'copies deleted',
]

/** The names of what a batch of so many seeds should have met and did not. */
export function missing(seeds: number, count: (name: string) => number): string[] {
  const required = seeds >= 100 ? [...always, ...inHundred] : always
  return required.filter(name => count(name) === 0)
}
