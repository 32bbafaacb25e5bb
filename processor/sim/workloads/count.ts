import { json, rawBytes, text } from '../../../schemas/serdes.ts'
import { topic } from '../../../schemas/topic.ts'
import { count, sum } from '../../../topology/counting.ts'
import { topology } from '../../../topology/stream.ts'
import type { Seen, Verdict, Workload, WorkloadOptions } from '../workload.ts'
import { byPartition, type Event, eventsFor, listDifferences } from './records.ts'

const any = json<any>('any', value => value)
const events = topic('events', text, any)
const totals = topic('totals', text, any)
const late = topic('late', text, any)
const dead = topic('dead', rawBytes, any)

const graceMs = 40
const isPoison = ({ id }: Event): boolean => id % 53 === 17

const build = () => {
  const t = topology('count', {
    onFailure: 'dead-letter',
    deadLetters: { topic: dead as any, value: ({ code, offset }) => ({ code, offset }) },
  })
  const parts = t
    .stream(events)
    .map((event: Event) => {
      if (isPoison(event)) throw new Error('poison')
      return event
    })
    .lateness('judge', { grace: graceMs })
  parts.late.map(({ id }) => id).to(late)
  parts.onTime
    .groupByKey()
    .aggregate('sums', { n: count(), total: sum(({ amount }: Event) => amount) })
    .changes()
    .to(totals)
  return t
}

/**
 * Counts and sums by key, each change written; late and poisonous records go elsewhere. What a partition writes follows
 * from its input alone, so every record is compared, in order.
 */
export function countWorkload(options: WorkloadOptions): Workload {
  return {
    inputs: [events],
    outputs: [totals, late, dead],
    topology: build,
    records: eventsFor(events, options),
    check,
  }
}

function check(seen: Seen): Verdict {
  const differences: string[] = []
  let [lateCount, rejected, compared] = [0, 0, 0]
  const written = {
    totals: byPartition(seen.outputs(totals)),
    late: byPartition(seen.outputs(late)),
    dead: byPartition(seen.outputs(dead)),
  }
  const placed = byPartition(seen.placed)
  for (let partition = 0; partition < seen.partitions; partition++) {
    const expected = { totals: [] as string[], late: [] as string[], dead: [] as string[] }
    const sums = new Map<string, { n: number; total: number }>()
    let time = -1
    for (const { key, value, timestamp, offset } of placed.get(partition) ?? []) {
      const event = value as Event
      if (isPoison(event)) {
        expected.dead.push(`${key} ERR_PROCESSING ${offset}`)
        continue
      }
      time = Math.max(time, timestamp)
      if (timestamp < time - graceMs) {
        expected.late.push(`${key} ${event.id}`)
        continue
      }
      const sums_ = sums.get(key) ?? { n: 0, total: 0 }
      sums_.n++
      sums_.total += event.amount
      sums.set(key, sums_)
      expected.totals.push(`${key} ${sums_.n} ${sums_.total}`)
    }
    const actual = {
      totals: (written.totals.get(partition) ?? []).map(({ key, value }) => `${key} ${value.n} ${value.total}`),
      late: (written.late.get(partition) ?? []).map(({ key, value }) => `${key} ${value}`),
      dead: (written.dead.get(partition) ?? []).map(({ key, value }) => `${key} ${value.code} ${value.offset}`),
    }
    for (const name of ['totals', 'late', 'dead'] as const)
      differences.push(...listDifferences(`${name}-${partition}`, actual[name], expected[name]))
    lateCount += expected.late.length
    rejected += expected.dead.length
    compared += expected.totals.length
  }
  return { differences, late: lateCount, rejected, compared }
}
