import { parseArgs } from 'node:util'
import { int64, float64Field, int64Field, struct, text, textField } from '../schemas/serdes.ts'
import { topic } from '../schemas/topic.ts'
import { type Aggregate, over } from '../topology/aggregates.ts'
import { approximateDistinctCount, approximateTop } from '../topology/approximate.ts'
import { bigintSum, count, ratio, sum } from '../topology/counting.ts'
import { distinct, distinctCount } from '../topology/members.ts'
import { first, latest, list } from '../topology/picking.ts'
import { quantile } from '../topology/quantile.ts'
import { floatSum, max, mean, min, stddev } from '../topology/statistics.ts'
import { topology } from '../topology/stream.ts'
import { top } from '../topology/top.ts'
import { EventBook } from '../processor/operators/event-book.ts'
import { lowerBound } from '../processor/operators/span.ts'
import { TrailingSpans } from '../processor/operators/trailing-spans.ts'
import { Harness, type Input } from '../processor/testing/harness.ts'

// Trailing windows of 10 to 10,000 events: what an event costs, by aggregate and by the number of events in the window.
//   node bench/trailing.ts [--only mean,top] [--events 40000]
// First each aggregate over the book of events alone, the lowest of three runs behind one that fills the window; then
// the whole engine on its embedded broker, with state and commits. One key, one event each millisecond, CPU time.
// `list` is shown, but its result is the window, so it cannot be flat.

interface Payment {
  readonly shop: string
  readonly cents: number
  readonly rate: number
}

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, events: { type: 'string', default: '40000' } },
})
const events = Number(values.events)
const sizes = [10, 100, 1000, 10_000]
const eventsPerCommit = 1000
const ratioMax = 1.5

const cents = (payment: Payment): number => payment.cents
const rate = (payment: Payment): number => payment.rate
const shop = (payment: Payment): string => payment.shop
const small = (payment: Payment): boolean => payment.cents < 5000

const aggregates: Readonly<Record<string, Aggregate<Payment, any, unknown>>> = {
  count: count(),
  sum: sum(cents),
  bigintSum: bigintSum(payment => BigInt(payment.cents)),
  ratio: ratio(small),
  mean: mean(rate),
  floatSum: floatSum(rate),
  stddev: stddev(rate),
  min: min(cents),
  max: max(rate),
  first: first(shop),
  latest: latest(shop, { where: small }),
  'list of 10': list(cents, { limit: 10 }),
  'distinct, 40 shops': distinct(shop, text),
  distinctCount: distinctCount(cents, int64),
  approximateDistinctCount: approximateDistinctCount(cents, int64),
  'top 5 of 40 shops': top(5, { by: shop, value: cents }),
  'top 5 of 10,000 amounts': top(5, { by: payment => String(payment.cents) }),
  'approximateTop 5 of 40 shops': approximateTop(5, { by: shop }),
  quantile: quantile(0.99, cents),
  list: list(cents),
}

const payment = struct({ shop: textField(), cents: int64Field(), rate: float64Field() })

interface Cost {
  readonly nanos: number
  readonly bytes: number
}

/** CPU time of this process for each of the events, in nanoseconds. */
async function timed(amount: number, run: (amount: number) => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage()
  await run(amount)
  const { user, system } = process.cpuUsage(before)
  return ((user + system) * 1000) / amount
}

async function lowest(size: number, run: (amount: number) => Promise<void> | void): Promise<number> {
  await run(Math.max(2 * size, events / 4))
  let nanos = Infinity
  for (let i = 0; i < 3; i++) nanos = Math.min(nanos, await timed(events, run))
  return nanos
}

function payments(seed: number): () => Payment {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    const dice = state / 2 ** 32
    return { shop: `shop-${Math.floor(dice * dice * 40)}`, cents: Math.floor(dice * 10_000), rate: dice }
  }
}

/** The aggregate over the book, and the memory of its folds for each event in the window. */
async function aggregateCost(aggregate: Aggregate<Payment, any, unknown>, size: number): Promise<Cost> {
  const spanMs = size - 1
  const spans = new TrailingSpans({ result: over(spanMs, aggregate) })
  const book = new EventBook(payment)
  book.open(0)
  const next = payments(size)
  let now = 0
  const nanos = await lowest(size, amount => {
    for (let i = 0; i < amount; i++) {
      book.at(0)
      spans.at(book, 0, book.insert(now++, next()), {})
      // As the store does at a commit.
      if (now % eventsPerCommit !== 0) continue
      const gone = lowerBound(book, now - 1 - spanMs)
      if (gone * 2 < book.length) continue
      book.drop(gone)
      spans.forget(0)
      book.tidy()
    }
  })
  // Some way into the window, so that there are two stacks.
  for (let i = 0; i < size * 0.75; i++) {
    book.at(0)
    spans.at(book, 0, book.insert(now++, next()), {})
  }
  return { nanos, bytes: spans.bytes / size }
}

/** The engine on its embedded broker with several aggregates, and the bytes of changelog for each event. */
async function engineCost(size: number): Promise<Cost> {
  const { count, sum, mean, max } = aggregates as Record<string, Aggregate<Payment, any, unknown>>
  const input = topic('input', text, payment)
  const t = topology('trailing')
  t.stream(input)
    .groupByKey()
    .trailing(
      'history',
      { event: payment },
      Object.fromEntries(
        Object.entries({ count, sum, mean, max }).map(([name, aggregate]) => [name, over(size - 1, aggregate!)]),
      ),
    )
    .changes()
    .map(result => result.event)
    .filter(({ rate }) => rate < 0)
    .to(topic('output', text, payment))
  const harness = new Harness()
  await harness.createTopics(t, 1)
  const next = payments(size)
  const produced = 2 * events
  for (let from = 0; from < produced; from += 20_000) {
    const inputs: Input[] = Array.from({ length: Math.min(20_000, produced - from) }, (_, i) => {
      return { topic: input, key: 'key', value: next(), timestamp: from + i }
    })
    await harness.produce(inputs, from + 20_000 >= produced ? [input] : [])
  }
  const nanos = await timed(produced, async () => void (await harness.run(t, { commitIntervalMs: 100 })))
  const changelog = harness.broker.log('trailing-history-changelog', 0)!.batches.sizeBytes
  await harness.close()
  return { nanos, bytes: changelog / produced }
}

const only = values.only === '' ? null : values.only.split(',')
const row = (name: string, cells: readonly (number | string)[]): void =>
  console.log(name.padEnd(30) + cells.map(cell => String(cell).padStart(9)).join(''))

let failed = 0
function show(name: string, costs: readonly Cost[]): void {
  const ratio = costs.at(-1)!.nanos / costs[0]!.nanos
  const isFlat = ratio < ratioMax
  if (!isFlat && name !== 'list') failed++
  const verdict = isFlat ? '' : name === 'list' ? ' its result is the window' : ` NOT FLAT: above ${ratioMax}`
  row(name, [
    ...costs.map(({ nanos }) => Math.round(nanos)),
    `${ratio.toFixed(2)}${verdict === '' ? ' ' : '!'}`,
    ...costs.map(({ bytes }) => bytes.toFixed(1)),
  ])
  if (verdict !== '') console.log(`  ${verdict}`)
}

async function costs(of: (size: number) => Promise<Cost>): Promise<readonly Cost[]> {
  const found: Cost[] = []
  for (const size of sizes) found.push(await of(size))
  return found
}

console.log('An aggregate over the book: ns of CPU for an event; ratio of 10,000 to 10; bytes of folds for an event')
row('', [...sizes, 'ratio', ...sizes])
for (const [name, aggregate] of Object.entries(aggregates)) {
  if (only !== null && !only.some(part => name.startsWith(part))) continue
  show(name, await costs(async size => aggregateCost(aggregate, size)))
}
console.log('\nThe engine on its embedded broker: ns of CPU for an event; ratio; bytes of changelog for an event')
row('', [...sizes, 'ratio', ...sizes])
show('count, sum, mean, max', await costs(engineCost))
process.exit(failed === 0 ? 0 : 1)
