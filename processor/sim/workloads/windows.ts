import { json, text } from '../../../schemas/serdes.ts'
import { topic } from '../../../schemas/topic.ts'
import { count, sum } from '../../../topology/counting.ts'
import { topology } from '../../../topology/stream.ts'
import { hopping, tumbling } from '../../../topology/windows.ts'
import type { Output, Placed, Seen, Verdict, Workload, WorkloadOptions } from '../workload.ts'
import { byPartition, type Event, eventsFor, listDifferences } from './records.ts'

const any = json<any>('any', value => value)
const events = topic('events', text, any)
const finals = topic('finals', text, any)
const changes = topic('changes', text, any)

interface Shape {
  readonly sizeMs: number
  readonly everyMs: number
  readonly graceMs: number
  readonly isFinal: boolean
}

const shapes = {
  finals: { sizeMs: 50, everyMs: 50, graceMs: 30, isFinal: true },
  changes: { sizeMs: 60, everyMs: 25, graceMs: 20, isFinal: false },
} as const satisfies Record<string, Shape>

const spec = { n: count<Event>(), total: sum(({ amount }: Event) => amount) }

const build = () => {
  const t = topology('windows')
  const grouped = t.stream(events).groupByKey()
  const { finals: last, changes: each } = shapes
  grouped
    .window(tumbling(last.sizeMs, { grace: last.graceMs }))
    .aggregate('tumbled', spec)
    .final()
    .to(finals)
  grouped
    .window(hopping(each.sizeMs, { every: each.everyMs, grace: each.graceMs }))
    .aggregate('hopped', spec)
    .changes()
    .to(changes)
  return t
}

/** Tumbling windows with their final results, hopping ones with every change; late records are many. */
export function windowsWorkload(options: WorkloadOptions): Workload {
  return {
    inputs: [events],
    outputs: [finals, changes],
    topology: build,
    records: eventsFor(events, options, 0.1),
    check,
  }
}

function check(seen: Seen): Verdict {
  const placed = byPartition(seen.placed)
  const written = { finals: byPartition(seen.outputs(finals)), changes: byPartition(seen.outputs(changes)) }
  const differences: string[] = []
  let [late, compared] = [0, 0]
  const show = ({ key, value }: Output): string => `${key} [${value.startMs}, ${value.endMs}) ${value.n} ${value.total}`
  for (let partition = 0; partition < seen.partitions; partition++) {
    for (const name of ['finals', 'changes'] as const) {
      const expected = expectedOf(placed.get(partition) ?? [], shapes[name])
      const actual = (written[name].get(partition) ?? []).map(show)
      differences.push(...listDifferences(`${name}-${partition}`, actual, expected.lines))
      late += expected.late
      compared += actual.length
    }
  }
  return { differences, late, rejected: 0, compared }
}

/** What one partition writes, in order: computed with a list of open windows, nothing else. */
function expectedOf(records: readonly Placed[], shape: Shape): { lines: string[]; late: number } {
  const open: { key: string; startMs: number; n: number; total: number }[] = []
  const lines: string[] = []
  let [time, late] = [-1, 0]
  const show = ({ key, startMs, n, total }: (typeof open)[number]): string =>
    `${key} [${startMs}, ${startMs + shape.sizeMs}) ${n} ${total}`
  const close = (): void => {
    const closing = open.filter(({ startMs }) => startMs + shape.sizeMs <= time - shape.graceMs)
    for (const window of closing.toSorted((a, b) => a.startMs - b.startMs || (a.key < b.key ? -1 : 1))) {
      open.splice(open.indexOf(window), 1)
      if (shape.isFinal) lines.push(show(window))
    }
  }
  for (const { key, value, timestamp } of records) {
    time = Math.max(time, timestamp)
    close()
    let isIn = false
    for (let startMs = 0; startMs <= timestamp; startMs += shape.everyMs) {
      if (startMs + shape.sizeMs <= timestamp || startMs + shape.sizeMs <= time - shape.graceMs) continue
      isIn = true
      let window = open.find(each => each.key === key && each.startMs === startMs)
      if (window === undefined) open.push((window = { key, startMs, n: 0, total: 0 }))
      window.n++
      window.total += (value as Event).amount
      if (!shape.isFinal) lines.push(show(window))
    }
    if (!isIn) late++
  }
  time = Infinity
  close()
  return { lines, late }
}
