import type { Case, Golden, Row } from './golden.ts'

// Where our results differ from Kafka Streams', by choice: the one list. Anything else that differs is a failure.

export interface Divergence {
  readonly name: string
  readonly reason: string
  /** Whether it may show in this golden. */
  applies(golden: Golden): boolean
  /** What still has to hold between their rows and ours: null, or what does not. */
  compare(theirs: readonly Row[], ours: readonly Row[], golden: Golden): string | null
  /** A small case that shows it, and what ours must give for it, exactly. */
  readonly golden: Case & { readonly out: readonly Row[] }
}

const tagged =
  (tag: string) =>
  ({ tags }: Golden): boolean =>
    tags?.includes(tag) === true

/** A row without its step, and without headers if they are not to count. */
const content = (row: Row, withHeaders = true): string => JSON.stringify(row.slice(1, withHeaders ? 6 : 5))

/** What of `some` is not among `all`, each row as often as it comes. */
function missing(some: readonly Row[], all: readonly Row[]): Row | undefined {
  const left = new Map<string, number>()
  for (const row of all) left.set(content(row), (left.get(content(row)) ?? 0) + 1)
  return some.find(row => {
    const count = left.get(content(row)) ?? 0
    left.set(content(row), count - 1)
    return count === 0
  })
}

const lacks = (whose: string, row: Row | undefined): string | null =>
  row === undefined ? null : `${whose} lack ${content(row)}`

/** Rows that differ in their headers only. */
function sameButHeaders(theirs: readonly Row[], ours: readonly Row[]): string | null {
  const other = theirs.findIndex((row, index) => {
    const own = ours[index]
    return own === undefined || own[0] !== row[0] || content(own, false) !== content(row, false)
  })
  if (other >= 0) return `row ${other} differs in more than its headers`
  return theirs.length === ours.length ? null : `there are ${ours.length} rows, not ${theirs.length}`
}

/** What the rows come to as a table: the values that went into them, or how many. */
interface Contents {
  readonly values: ReadonlySet<string>
  readonly count: number
}

/** Values of goldens are single characters; what reads as a number is a count. */
function contentsOf(rows: readonly Row[], params: Golden['params']): Contents {
  const table = new Map<string | null, string>()
  for (const [, , key, value] of rows) {
    if (value === null) table.delete(key)
    else table.set(key, value)
  }
  const texts = [...table.values()]
  if (params['op'] === 'count') {
    return { values: new Set(), count: texts.reduce((all, text) => all + Number(text), 0) }
  }
  const characters = texts.flatMap(text => text.replaceAll('null', '').replaceAll('|', '').split(''))
  return { values: new Set(characters), count: 0 }
}

/** What `some` were made of is in `all` too. */
function contained(whose: string, some: Contents, all: Contents): string | null {
  const lost = [...some.values].find(value => !all.values.has(value))
  if (lost !== undefined) return `${whose} do not hold '${lost}'`
  return some.count <= all.count ? null : `${whose} count ${all.count} and not ${some.count}`
}

const moreThanTheirs: Divergence['compare'] = (theirs, ours, { params }) =>
  contained('ours', contentsOf(theirs, params), contentsOf(ours, params))

const input = (key: string, value: string | null, ts: number) => ({ topic: 'in', key, value, ts })

export const divergences: readonly Divergence[] = [
  {
    name: 'final-lost',
    reason:
      'On window close Kafka Streams stores the new record first, and that expires windows before they were emitted ' +
      '(D1). We emit every window that closes, then take the record.',
    applies: golden => tagged('final-lost')(golden) && golden.topology !== 'session',
    compare: (theirs, ours) => lacks('ours', missing(theirs, ours)),
    golden: {
      id: 'final-lost',
      topology: 'tumbling',
      params: { size: 10, grace: 0, emit: 'final' },
      steps: [input('A', 'a', 1), input('B', 'b', 100)],
      out: [[1, 'out', 'A@0/10', 'a', 1]],
    },
  },
  {
    name: 'session-lost',
    reason:
      'As final-lost, for sessions: in memory Kafka Streams loses every session that another key closes. What it gives, ' +
      'we give too, but for sessions that it could not merge because one was lost.',
    applies: golden => tagged('final-lost')(golden) && golden.topology === 'session',
    compare: moreThanTheirs,
    golden: {
      id: 'session-lost',
      topology: 'session',
      params: { gap: 5, grace: 0, emit: 'final' },
      steps: [input('A', 'a', 1), input('A', 'b', 4), input('B', 'c', 50)],
      out: [[2, 'out', 'A@1/4', '|ab', 4]],
    },
  },
  {
    name: 'session-edge',
    reason:
      'Exactly one gap apart two events are one session. Kafka Streams has dropped the first from its store by then, if ' +
      'another key moved time on (D8).',
    applies: golden => tagged('retention-edge')(golden) && golden.topology === 'session',
    compare: moreThanTheirs,
    golden: {
      id: 'session-edge',
      topology: 'session',
      params: { gap: 5, grace: 0 },
      steps: [input('A', 'a', 10), input('B', 'b', 15), input('A', 'c', 15)],
      out: [
        [0, 'out', 'A@10/10', 'a', 10],
        [1, 'out', 'B@15/15', 'b', 15],
        [2, 'out', 'A@10/10', null, 10],
        [2, 'out', 'A@10/15', '|ac', 15],
      ],
    },
  },
  {
    name: 'session-closed-again',
    reason:
      'Kafka Streams emits a session as final one millisecond before it stops taking events (D2), and what is kept for ' +
      'longer can be merged and emitted again (D7), or take up an event that is late. Ours is emitted once, when it is ' +
      'closed, and is gone then.',
    applies: ({ topology, params }) =>
      topology === 'session' && (params['emit'] === 'suppress' || params['emit'] === 'final'),
    compare: (theirs, ours, { params }) =>
      contained('theirs', contentsOf(ours, params), contentsOf(theirs, params)) ??
      (new Set(ours.map(row => row[2])).size === ours.length ? null : 'ours are emitted twice'),
    golden: {
      id: 'session-closed-again',
      topology: 'session',
      params: { gap: 5, grace: 5, emit: 'suppress' },
      steps: [input('A', 'a', 20), input('B', 'b', 30), input('A', 'c', 19), input('B', 'd', 31), input('A', 'e', 20)],
      out: [[3, 'out', 'A@19/20', '|ac', 20]],
    },
  },
  {
    name: 'final-headers',
    reason:
      'The row of a closed window would carry the headers of whichever record closed it, or was buffered last: the ' +
      'trace of a stranger. Ours carry none.',
    applies: ({ params, steps }) =>
      (params['emit'] === 'final' || params['emit'] === 'suppress') &&
      steps.some(step => 'headers' in step && step.headers !== undefined),
    compare: sameButHeaders,
    golden: {
      id: 'final-headers',
      topology: 'tumbling',
      params: { size: 10, grace: 0, emit: 'final' },
      steps: [input('A', 'a', 1), { ...input('B', 'b', 10), headers: [['trace', '1']] }],
      out: [[1, 'out', 'A@0/10', 'a', 1]],
    },
  },
  {
    name: 'dead-letter-headers',
    reason:
      'Kafka Streams describes the failure in headers of the dead letter. Here the topology says what a dead letter ' +
      'holds, and the failure is given to it: it may write the same into the value.',
    applies: ({ topology, params }) => topology === 'dlq' && params['onError'] === 'continue',
    compare: sameButHeaders,
    golden: {
      id: 'dead-letter-headers',
      topology: 'dlq',
      params: { onError: 'continue' },
      steps: [input('A', 'a', 1), input('A', '!b', 2)],
      out: [
        [0, 'out', 'A', 'a', 1],
        [1, 'dlq', 'A', '!b', 2],
      ],
    },
  },
  {
    name: 'aggregate-never-there',
    reason:
      'In Kafka Streams the row before the first one of an aggregate is what its initializer gives, so a first record ' +
      'that leaves nothing deletes a row that never was. Ours says nothing of it.',
    applies: ({ topology, steps }) =>
      topology === 'agg-join' && steps.some(step => 'value' in step && step.value?.startsWith('!') === true),
    compare: (theirs, ours) =>
      lacks('theirs', missing(ours, theirs)) ??
      lacks(
        'ours',
        missing(
          theirs.filter(row => row[3] !== null),
          ours,
        ),
      ),
    golden: {
      id: 'aggregate-never-there',
      topology: 'agg-join',
      params: { kind: 'outer' },
      steps: [
        { topic: 'l', key: 'A', value: '!a', ts: 1 },
        { topic: 'l', key: 'A', value: 'b', ts: 2 },
        { topic: 'l', key: 'A', value: '!c', ts: 3 },
      ],
      out: [
        [1, 'out', 'A', 'b+null', 2],
        [2, 'out', 'A', null, 3],
      ],
    },
  },
]
