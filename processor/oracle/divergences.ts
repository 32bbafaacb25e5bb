import type { Case, Golden, Row } from './golden.ts'
import {
  contained,
  contentsOf,
  eachHoldsMore,
  lacks,
  lastOfClosed,
  missing,
  moreThanTheirs,
  sameButHeaders,
  withoutTwins,
  type Loosely,
} from './loosely.ts'

// Where our results differ from Kafka Streams', by choice: the one list. Anything else that differs is a failure.

export interface Divergence {
  readonly name: string
  readonly reason: string
  /** Whether it may show in this golden. */
  applies(golden: Golden): boolean
  /** Ours does not begin at all: the definition is refused, where theirs fails at a record. */
  readonly isRefused?: boolean
  /** What still has to hold between their rows and ours: null, or what does not. */
  readonly compare: Loosely
  /** A small case that shows it, and what ours must give for it, exactly. */
  readonly golden: Case & { readonly out: readonly Row[] }
}

const tagged =
  (tag: string) =>
  ({ tags }: Golden): boolean =>
    tags?.includes(tag) === true

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
    name: 'sliding-zero',
    reason:
      'A sliding window of no length is accepted by Kafka Streams and fails at the first record (D6): refused here.',
    isRefused: true,
    applies: ({ topology, params }) => topology === 'sliding' && params['diff'] === 0,
    compare: () => null,
    golden: {
      id: 'sliding-zero',
      topology: 'sliding',
      params: { diff: 0, grace: 0 },
      steps: [input('A', 'a', 20)],
      out: [],
    },
  },
  {
    name: 'sliding-edge',
    reason:
      'The record exactly `diff` before is in the window that ends now. Kafka Streams has dropped it from its store, if ' +
      'another key moved time on (D8).',
    applies: golden => tagged('retention-edge')(golden) && golden.topology === 'sliding',
    compare: eachHoldsMore,
    golden: {
      id: 'sliding-edge',
      topology: 'sliding',
      params: { diff: 10, grace: 0 },
      steps: [input('A', 'a', 25), input('B', 'x', 34), input('B', 'y', 35), input('A', 'b', 35)],
      out: [
        [0, 'out', 'A@15/25', 'a', 25],
        [1, 'out', 'B@24/34', 'x', 34],
        [2, 'out', 'B@25/35', 'xy', 35],
        [2, 'out', 'B@35/45', 'y', 35],
        [3, 'out', 'A@25/35', 'ab', 35],
        [3, 'out', 'A@26/36', 'b', 35],
      ],
    },
  },
  {
    name: 'sliding-twice',
    reason:
      'A record one millisecond beyond `diff` after the one before makes one window, which Kafka Streams makes and ' +
      'forwards twice.',
    applies: tagged('row-twice'),
    compare: withoutTwins,
    golden: {
      id: 'sliding-twice',
      topology: 'sliding',
      params: { diff: 10, grace: 0 },
      steps: [input('A', 'a', 8), input('A', 'b', 19)],
      out: [
        [0, 'out', 'A@0/10', 'a', 8],
        [1, 'out', 'A@9/19', 'b', 19],
      ],
    },
  },
  {
    name: 'sliding-early',
    reason:
      "Kafka Streams' suppress emits a sliding window at end = stream time - grace, while it still takes records, and " +
      'again if one comes (D2). Ours is emitted once, when it is closed.',
    applies: ({ topology, params }) => topology === 'sliding' && params['emit'] === 'suppress',
    compare: lastOfClosed,
    golden: {
      id: 'sliding-early',
      topology: 'sliding',
      params: { diff: 10, grace: 5, emit: 'suppress' },
      steps: [input('A', 'a', 20), input('B', 'x', 25), input('A', 'b', 18), input('B', 'y', 26)],
      out: [[3, 'out', 'A@10/20', 'ab', 20]],
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
