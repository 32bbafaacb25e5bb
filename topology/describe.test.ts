import { expect, test } from 'vitest'
import { int64, text } from '../schemas/serdes.ts'
import { topic } from '../schemas/topic.ts'
import { over, prior } from './aggregates.ts'
import { compile } from './compile.ts'
import { count, ratio, sum } from './counting.ts'
import { describe } from './describe.ts'
import { cards } from './fixtures/cards.ts'
import { keyValueState, windowState } from './state.ts'
import { type Topology, topology } from './stream.ts'
import { tumbling } from './windows.ts'

// Golden files: `vitest run topology -u` writes them anew. Read the difference before it is committed.

/** Every kind of step at least once. */
function everything(): Topology {
  const t = topology('everything')
  const isBig = (n: number): boolean => n > 10
  const { big, rest } = t
    .stream([topic('a', text, int64), topic('b', text, int64)])
    .filter(isBig)
    .filterNot(n => n > 99)
    .peek(() => {})
    .split({ big: isBig }, { otherwise: 'rest' })
  const { onTime, late } = big.lateness('judged', { grace: '90s' })
  late.flatMap(n => [n, n]).to(topic('late', text, int64))
  onTime
    .process('counted', {
      stores: { x: keyValueState('kept', text, int64), y: windowState('slots', text, int64, { retentionMs: 5 }) },
      create: () => ({ process() {} }),
    })
    .repartition('by-key', int64, { partitions: 3 })
    .join(t.table(topic('rows', text, int64)), (n, row) => n + row)
    .groupByKey()
    .aggregate('sums', { total: sum(n => n), n: count() })
    .changes()
  const numbered = rest.groupBy(n => n, int64)
  numbered
    .window(tumbling('1m'))
    .aggregate('minutes', { share: ratio(isBig) }, { combine: true })
    .changes()
  numbered
    .window(tumbling('1d', { grace: '1h' }))
    .aggregate('days', { n: count() })
    .final()
  numbered.trailing(
    'spans',
    { event: int64, grace: 250 },
    {
      n: over('36h', count()),
      before: prior(
        '30d',
        sum(n => n),
      ),
    },
  )
  return t
}

test('the topology of the README as text', async () => {
  await expect(describe(cards)).toMatchFileSnapshot('golden/cards.txt')
})

test('the topology of the README as Mermaid', async () => {
  await expect(describe(cards, 'mermaid')).toMatchFileSnapshot('golden/cards.mermaid')
})

test('every kind of step as text', async () => {
  await expect(describe(everything())).toMatchFileSnapshot('golden/everything.txt')
})

test('every kind of step as Mermaid', async () => {
  await expect(describe(everything(), 'mermaid')).toMatchFileSnapshot('golden/everything.mermaid')
})

test('a plan, its handle and what is compiled of it are described alike', () => {
  const t = everything()
  expect(describe(t.plan)).toBe(describe(t))
  expect(describe(compile(t))).toBe(describe(t))
})

test('Mermaid: every node that an edge names is drawn, once', () => {
  const lines = describe(everything(), 'mermaid').split('\n')
  const drawn = lines.flatMap(line => /^ {2,4}(\w+)[([]/.exec(line)?.[1] ?? [])
  const named = lines.flatMap(line => /^ {2}(\w+) -\S+ (\w+)$/.exec(line)?.slice(1) ?? [])
  expect(new Set(drawn).size).toBe(drawn.length)
  expect(new Set(named)).toEqual(new Set(drawn))
})
