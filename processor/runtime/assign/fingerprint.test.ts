import { expect, test } from 'vitest'
import { int64, text } from '../../../schemas/serdes.ts'
import { topic } from '../../../schemas/topic.ts'
import { compile } from '../../../topology/compile.ts'
import { count } from '../../../topology/counting.ts'
import { topology } from '../../../topology/stream.ts'
import { fingerprintOf } from './fingerprint.ts'

const rows = topic('rows', text, int64)

interface Version {
  readonly input?: string
  readonly store?: string
  readonly limit?: number
  readonly rekeyed?: boolean
}

function version({ input = 'payments', store = 'counts', limit = 5, rekeyed = false }: Version): string {
  const t = topology('app')
  const stream = t.stream(topic(input, text, int64)).filter(value => value > limit)
  const grouped = rekeyed ? stream.groupBy(value => `g${value}`, text, int64) : stream.groupByKey()
  const counted = grouped.aggregate(store, { n: count() })
  counted
    .changes()
    .map(({ n }) => n)
    .to(rows)
  return fingerprintOf(compile(t as any))
}

test('other sources, stores or sub-topologies are another topology; other code in a step is not', () => {
  const first = version({})
  expect(first).toMatch(/^[0-9a-f]{8}$/)
  expect(version({ limit: 7 })).toBe(first)
  const others = [version({ input: 'orders' }), version({ store: 'totals' }), version({ rekeyed: true })]
  expect(new Set([first, ...others]).size).toBe(4)
})
