import type { Serde } from '../schemas/serde.ts'
import { topic } from '../schemas/topic.ts'
import { over, prior, type Spans, type Spec } from './aggregates.ts'
import { count, ratio, sum } from './counting.ts'
import type { Deleting } from './custom.ts'
import { type } from './options.ts'
import type { ProcessorContext } from './process.ts'
import { keyValueState, type KeyValueState, logState, type LogState, windowState, type WindowState } from './state.ts'
import { type Stream, type Table, topology } from './stream.ts'
import { hopping, session, tumbling } from './windows.ts'

// Checked by tsc, never run: what the handles infer, and which topologies do not compile.

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <T extends true>(): void => void (0 as unknown as T)

interface Payment {
  readonly id: string
  readonly cardId: string
  readonly cents: number
  readonly country: string
  readonly declined: boolean
}
interface Card {
  readonly limitCents: number
}
interface Alert {
  readonly id: string
  readonly action: 'BLOCK' | 'REVIEW'
}
type Checked = { readonly ok: true; readonly payment: Payment } | { readonly ok: false; readonly code: string }

declare const text: Serde<string>
declare const integer: Serde<number>
declare const payment: Serde<Payment>
declare const card: Serde<Card>
declare const alert: Serde<Alert>

const payments = topic('payments', text, payment)
const cards = topic('cards', text, card)
const alerts = topic('alerts', text, alert)

const t = topology('t', { onFailure: 'skip' })
const stream = t.stream(payments, {
  timestamp: (value, key, at, partitionTime) => value.cents + key.length + at + partitionTime,
})
const byCard = stream.groupBy(p => p.cardId, text)

// Values, keys and narrowing.
is<Equal<typeof stream, Stream<string, Payment>>>()
const both = t.stream([payments, topic('more', text, payment)])
is<Equal<typeof both, Stream<string, Payment>>>()
const lengths = stream.map((p, key, meta) => p.cents + key.length + meta.timestamp)
is<Equal<typeof lengths, Stream<string, number>>>()
const ids = stream.flatMap(p => [p.id, p.cardId])
is<Equal<typeof ids, Stream<string, string>>>()
const byCents = stream.rekey(p => p.cents, integer)
is<Equal<typeof byCents, Stream<number, Payment>>>()

const checked = stream.map((p): Checked => (p.cents > 0 ? { ok: true, payment: p } : { ok: false, code: 'ERR_AMOUNT' }))
const valid = checked.filter(c => c.ok).map(c => c.payment)
is<Equal<typeof valid, Stream<string, Payment>>>()
const codes = checked.filterNot(c => c.ok).map(c => c.code)
is<Equal<typeof codes, Stream<string, string>>>()
const parts = checked.split({ valid: c => c.ok }, { otherwise: 'rejected' })
const validPart = parts.valid.map(c => c.payment)
is<Equal<typeof validPart, Stream<string, Payment>>>()
const rejectedPart = parts.rejected.map(c => c.code)
is<Equal<typeof rejectedPart, Stream<string, string>>>()
const sizes = stream.split({ big: p => p.cents > 100, small: (p, key) => p.cents < key.length })
is<Equal<typeof sizes.small, Stream<string, Payment>>>()
// @ts-expect-error no such branch
sizes.medium
// @ts-expect-error without 'otherwise' there is no default branch
sizes.rest

// Tables and joins.
const perCard = byCard.aggregate('per-card', { n: count(), cents: sum(p => p.cents) })
is<Equal<typeof perCard, Table<string, { readonly n: number; readonly cents: number }>>>()
const counted = byCard
  .count('counted')
  .changes()
  .map(row => row.count)
is<Equal<typeof counted, Stream<string, number>>>()
const rows = t.table(cards)
const rowChanges = rows.changes()
is<Equal<typeof rowChanges, Stream<string, Card | null>>>()
const joined = stream.join(rows, (p, row, key) => p.cents > row.limitCents + key.length)
is<Equal<typeof joined, Stream<string, boolean>>>()
const leftJoined = stream.leftJoin(rows, (_, row) => row)
is<Equal<typeof leftJoined, Stream<string, Card | undefined>>>()
const joinedCounts = stream.join(perCard, (p, row) => p.cents - row.cents)
is<Equal<typeof joinedCounts, Stream<string, number>>>()
// @ts-expect-error an outer row may be missing
stream.leftJoin(rows, (_, row) => row.limitCents)
// @ts-expect-error the keys differ
byCents.join(rows, p => p)

// Windows.
const windowed = byCard
  .window(hopping('1m', { every: '20s' }))
  .aggregate('windowed', { n: count(), declined: ratio(p => p.declined) })
const finals = windowed.final().map(w => ({ from: w.startMs, to: w.endMs, n: w.n, declined: w.declined }))
is<Equal<typeof finals, Stream<string, { from: number; to: number; n: number; declined: number | undefined }>>>()

// Trailing spans: they fold what is remembered; the whole event rides along.
const kept = { event: {} as Serde<{ cents: number }> }
const trailing = byCard
  .trailing(
    'trailing',
    { grace: '1h', ...kept, remember: p => ({ cents: p.cents }) },
    {
      payments2m: over('2m', count()),
      cents30d: prior(
        '30d',
        sum(r => r.cents),
      ),
    },
  )
  .changes()
  .map(h => ({ id: h.event.id, n: h.payments2m, cents: h.cents30d }))
is<Equal<typeof trailing, Stream<string, { id: string; n: number; cents: number }>>>()
const whole = byCard
  .trailing(
    'whole',
    { event: payment },
    {
      cents: over(
        '5m',
        sum(p => p.cents),
      ),
    },
  )
  .changes()
  .map(h => h.cents)
is<Equal<typeof whole, Stream<string, number>>>()
byCard.trailing(
  'x',
  { ...kept, remember: p => ({ cents: p.cents }) },
  {
    s: over(
      '5m',
      // @ts-expect-error the spans see only what is remembered
      sum(r => r.id),
    ),
  },
)
// @ts-expect-error the serde is not that of what is remembered
byCard.trailing('x', { event: text, remember: p => ({ cents: p.cents }) }, { n: over('5m', count()) })
// @ts-expect-error without 'remember' the serde must hold the value
byCard.trailing('x', { event: text }, { n: over('5m', count()) })
// @ts-expect-error a trailing result is per event: it has no close
byCard.trailing('x', { event: payment }, { n: over('5m', count()) }).final()
// @ts-expect-error 'event' is the event
byCard.trailing('x', { event: payment }, { event: over('5m', count()) })

// Spans and specs that are built as it runs: any field may be there.
const built: Spans<Payment> = { n: over('5m', count()) }
const fromBuilt = byCard
  .trailing('built', { event: payment }, built)
  .changes()
  .map(h => h.event.id)
is<Equal<typeof fromBuilt, Stream<string, string>>>()
const builtSpec: Spec<Payment> = { n: count() }
const spans = byCard
  .window(tumbling('5m'))
  .aggregate('built-spec', builtSpec)
  .final()
  .map(w => w.endMs - w.startMs)
is<Equal<typeof spans, Stream<string, number>>>()

// Lateness, apply.
const { onTime, late } = stream.lateness('lateness', { grace: '60s' })
is<Equal<typeof onTime, Stream<string, Payment>>>()
is<Equal<typeof late, Stream<string, Payment>>>()
const applied = stream.apply(s => s.map(p => p.id))
is<Equal<typeof applied, Stream<string, string>>>()

// Processors: stores and forwarded types are inferred.
const scored = stream.process('scored', {
  stores: {
    seen: keyValueState('seen', text, integer),
    hours: windowState('hours', text, card, { retentionMs: 1 }),
    past: logState('past', text, card, { retentionMs: 1 }),
  },
  forwards: type<Alert>(),
  create(context) {
    const seen = context.store('seen')
    is<Equal<typeof seen, KeyValueState<string, number>>>()
    const hours = context.store('hours')
    is<Equal<typeof hours, WindowState<string, Card>>>()
    const past = context.store('past')
    is<Equal<typeof past, LogState<string, Card>>>()
    // @ts-expect-error no such store
    context.store('unseen')
    // @ts-expect-error a payment is no alert
    context.forward('c1', {} as Payment, 0)
    return {
      process(record) {
        is<Equal<typeof record.value, Payment>>()
        seen.put(record.key, record.value.cents)
        context.forward(record.key, { id: record.value.id, action: 'BLOCK' }, record.timestamp)
      },
    }
  },
})
is<Equal<typeof scored, Stream<string, Alert>>>()
const rekeyed = stream.process('rekeyed', {
  key: integer,
  create: context => ({ process: record => context.forward(record.value.cents, record.value, record.timestamp) }),
})
is<Equal<typeof rekeyed, Stream<number, Payment>>>()
const annotated = stream.process('annotated', {
  create: (context: ProcessorContext<{}, string, Alert>) => ({
    process: record => context.forward(record.key, { id: record.key, action: 'REVIEW' }, record.timestamp),
  }),
})
is<Equal<typeof annotated, Stream<string, Alert>>>()
stream.process('x', {
  // @ts-expect-error a new key needs its serde
  create: context => ({ process: record => context.forward(1, record.value, record.timestamp) }),
})

// Sinks take what fits.
stream.map(p => ({ id: p.id, action: 'BLOCK' as const, more: 1 })).to(alerts)
// @ts-expect-error a payment is not an alert
stream.to(alerts)
// @ts-expect-error the topic's key is text
byCents.to(payments)

// Illegal steps do not exist.
// @ts-expect-error only windows close
rows.final()
// @ts-expect-error only windows close
perCard.final()
// @ts-expect-error only a grouped stream has windows
stream.window(tumbling('5m'))
// @ts-expect-error results of windows are no table
stream.join(windowed, p => p)
// @ts-expect-error a payment has no such field
byCard.aggregate('x', { s: sum(p => p.nope) })
// @ts-expect-error the serde must be of the key's type
stream.groupBy(p => p.cents, text)
// @ts-expect-error five minutes is '5m'
tumbling('5 minutes')
// @ts-expect-error a window's results have a startMs of their own
byCard.window(tumbling('5m')).aggregate('x', { startMs: count() })
// @ts-expect-error state has a name
byCard.aggregate({ n: count() })
// @ts-expect-error a hopping window says how often
hopping('5m')
// @ts-expect-error the streams must be of one type
stream.merge(ids)

// Aggregates that may find that nothing is left: changes tell of deleted rows and windows, where every field may.
declare const deleting: Deleting<Payment, number, number>
const sparse = byCard.aggregate('sparse', { n: deleting })
is<Equal<typeof sparse, Table<string, { readonly n: number }, { readonly n: number } | null>>>()
const dense = byCard.aggregate('dense', { n: deleting, all: count() })
is<Equal<typeof dense, Table<string, { readonly n: number; readonly all: number }>>>()
const sparseWindows = byCard.window(tumbling('1m')).aggregate('sparse-windows', { n: deleting }).changes()
sparseWindows.map(row => ('deleted' in row ? row.startMs : row.n))
// @ts-expect-error the window may be deleted
sparseWindows.map(row => row.n)

// Tables: filters narrow, maps and joins that answer null delete, and what a side may lack is undefined.
const limits = t.table(cards)
is<Equal<typeof limits, Table<string, Card, Card | null>>>()
const mapped = limits.map(row => (row.limitCents > 0 ? row.limitCents : null))
is<Equal<typeof mapped, Table<string, number, number | null>>>()
const bothTables = limits.outerJoin(stream.toTable('latest'), (row, latest) => ({ limit: row?.limitCents, latest }))
bothTables.changes().map(row => row?.latest?.cents)
limits.leftJoin(mapped, (row, other) => row.limitCents + (other ?? 0))
// @ts-expect-error the other row may be missing
limits.leftJoin(mapped, (row, other) => row.limitCents + other)
// @ts-expect-error keys of different types find nothing
limits.join(t.table(topic('by-number', integer, card)), () => 1)
// @ts-expect-error a deleted row is null
mapped.changes().map(row => row.toFixed())

// Sessions merge: their changes tell of deleted ones, their final results do not.
const visits = byCard.window(session('5m')).aggregate('visits', { n: count() })
visits.changes().map(row => ('deleted' in row ? row.endMs : row.n))
visits.final().map(row => row.n)
// @ts-expect-error a session may be deleted
visits.changes().map(row => row.n)
