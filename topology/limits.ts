import { LimitError, TopologyError } from './errors.ts'

/** How many values or members an aggregate keeps at most, unless it is told otherwise. */
export const membersMax = 100_000

export const tooMany = (limit: number): LimitError =>
  new LimitError(
    `An aggregate has more than ${limit} different members, its limit. Raise 'limit' if the memory is there, or ` +
      'group more finely.',
  )

/** Throws a `TopologyError` unless `limit` is a whole number of at least 1. */
export function checkLimit(limit: number, what: string): void {
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new TopologyError(`The number of ${what} is ${limit}. Give a whole number of at least 1.`)
}
