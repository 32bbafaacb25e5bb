import { json, text } from '../../../schemas/serdes.ts'
import { topic } from '../../../schemas/topic.ts'
import { over, prior } from '../../../topology/aggregates.ts'
import { count, sum } from '../../../topology/counting.ts'
import { max } from '../../../topology/statistics.ts'
import { topology } from '../../../topology/stream.ts'
import type { Placed, Seen, Verdict, Workload, WorkloadOptions } from '../workload.ts'
import { byPartition, type Event, eventsFor, listDifferences } from './records.ts'

const any = json<any>('any', value => value)
const events = topic('events', text, any)
const trails = topic('trails', text, any)

const graceMs = 30
const spansMs = { n: 50, highest: 80, total: 30 } as const

const build = () => {
  const t = topology('trailing')
  t.stream(events)
    .groupByKey()
    .trailing(
      'trail',
      { grace: graceMs, event: any },
      {
        n: over(spansMs.n, count()),
        highest: prior(
          spansMs.highest,
          max(({ amount }: Event) => amount),
        ),
        total: over(
          spansMs.total,
          sum(({ amount }: Event) => amount),
        ),
      },
    )
    .changes()
    .map((value: any) => ({ id: value.event.id, n: value.n, highest: value.highest ?? null, total: value.total }))
    .to(trails)
  return t
}

/** For each event what its key did shortly before. */
export function trailingWorkload(options: WorkloadOptions): Workload {
  return { inputs: [events], outputs: [trails], topology: build, records: eventsFor(events, options), check }
}

function check(seen: Seen): Verdict {
  const placed = byPartition(seen.placed)
  const written = byPartition(seen.outputs(trails))
  const differences: string[] = []
  let [late, compared] = [0, 0]
  for (let partition = 0; partition < seen.partitions; partition++) {
    const expected = expectedOf(placed.get(partition) ?? [])
    const actual = (written.get(partition) ?? []).map(
      ({ key, value }) => `${key} ${value.id}: ${value.n} ${value.highest} ${value.total}`,
    )
    differences.push(...listDifferences(`trails-${partition}`, actual, expected.lines))
    late += expected.late
    compared += actual.length
  }
  return { differences, late, rejected: 0, compared }
}

/** By going through all events that came before, each time. */
function expectedOf(records: readonly Placed[]): { lines: string[]; late: number } {
  const lines: string[] = []
  let [time, late] = [-1, 0]
  for (const [index, { key, value, timestamp }] of records.entries()) {
    time = Math.max(time, timestamp)
    if (timestamp < time - graceMs) {
      late++
      continue
    }
    const { id, amount } = value as Event
    const before = (spanMs: number): Event[] =>
      records
        .slice(0, index)
        .filter(each => each.key === key && each.timestamp >= timestamp - spanMs && each.timestamp <= timestamp)
        .map(each => each.value as Event)
    const amounts = before(spansMs.highest).map(each => each.amount)
    const highest = amounts.length === 0 ? null : Math.max(...amounts)
    const total = before(spansMs.total).reduce((all, each) => all + each.amount, amount)
    lines.push(`${key} ${id}: ${before(spansMs.n).length + 1} ${highest} ${total}`)
  }
  return { lines, late }
}
