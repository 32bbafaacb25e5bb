import type { RankItem } from '../../../schemas/payments/types.ts'
import type { Serde } from '../../../schemas/serde.ts'
import { compareUtf8 } from '../../../schemas/text.ts'
import { listField, int64Field, struct, textField } from '../../../schemas/serdes.ts'
import type { Aggregate } from '../../aggregates.ts'
import { exact } from '../../counting.ts'
import { LimitError } from '../../errors.ts'
import type { RankCell } from './cells.ts'

interface Score {
  member: string
  numerator: number
  count: number
}

/** Sum and number of every member of a window: exact, so all are kept until the window closes. */
export type Scores = Map<string, Score>

const mostMembers = 100_000

const scoresList = struct({
  scores: listField(struct({ member: textField(), numerator: int64Field(), count: int64Field() })),
})

const scoresState: Serde<Scores> = {
  name: 'scores',
  write: (scores, out) => scoresList.write({ scores: [...scores.values()] }, out),
  read: (bytes, start, end) => new Map(scoresList.read(bytes, start, end).scores.map(score => [score.member, score])),
}

/** Refuses more than 100,000 members in a window with a `LimitError`: a ranking is exact or there is none. */
export const scores: Aggregate<RankCell, Scores, Scores> = {
  kind: 'scores',
  init: () => new Map(),
  add(all, cell) {
    raise(all, cell.member, cell.numerator, 1)
    return all
  },
  merge(left, right) {
    for (const { member, numerator, count } of right.values()) raise(left, member, numerator, count)
    return left
  },
  result: all => all,
  state: scoresState,
}

function raise(all: Scores, member: string, numerator: number, count: number): void {
  const score = all.get(member)
  if (score !== undefined) {
    score.numerator = exact(score.numerator + numerator)
    score.count += count
    return
  }
  if (all.size === mostMembers) throw new LimitError(`A ranking has more than ${mostMembers} members in one window.`)
  all.set(member, { member, numerator, count })
}

/** The first `size` members by sum (or by number), largest first; equal ones in the order of their UTF-8 bytes. */
export function ranked(all: Scores, order: '' | 'count', size: number): RankItem[] {
  const figure = order === 'count' ? (score: Score) => score.count : (score: Score) => score.numerator
  const isAhead = (a: Score, b: Score): boolean => {
    const difference = figure(a) - figure(b)
    return difference > 0 || (difference === 0 && compareUtf8(a.member, b.member) < 0)
  }
  const first: Score[] = []
  for (const score of all.values()) {
    let at = first.length
    while (at > 0 && isAhead(score, first[at - 1]!)) at--
    if (at === size) continue
    first.splice(at, 0, score)
    if (first.length > size) first.pop()
  }
  return first.map(({ member, numerator, count }, index) => ({ rank: index + 1, member, numerator, count }))
}
