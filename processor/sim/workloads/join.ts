import { json, text } from '../../../schemas/serdes.ts'
import { topic } from '../../../schemas/topic.ts'
import { topology } from '../../../topology/stream.ts'
import type { Input, Placed, Seen, Verdict, Workload, WorkloadOptions } from '../workload.ts'
import { byPartition, type Event, eventsFor, listDifferences } from './records.ts'

const any = json<any>('any', value => value)
const events = topic('events', text, any)
const names = topic('names', text, text)
const joined = topic('joined', text, any)

const build = () => {
  const t = topology('join')
  t.stream(events)
    .leftJoin(t.table(names), ({ id }: Event, name) => `${id} ${name ?? 'nobody'}`)
    .to(joined)
  return t
}

/** Events with the row of their key, or without; rows change and are deleted all the time. */
export function joinWorkload(options: WorkloadOptions): Workload {
  const { draws } = options
  const records = eventsFor(events, options).flatMap((event): Input[] => {
    if (!draws.chance(0.3)) return [event]
    const { id } = event.value
    return [{ topic: names, key: event.key, value: id % 3 === 0 ? null : `n${id}`, timestamp: event.timestamp }, event]
  })
  return { inputs: [events, names], outputs: [joined], topology: build, records, isStatic: true, check }
}

function check(seen: Seen): Verdict {
  const ofEvents = byPartition(seen.placed.filter(({ topic: from }) => from === events))
  const ofNames = byPartition(seen.placed.filter(({ topic: from }) => from === names))
  const written = byPartition(seen.outputs(joined))
  const differences: string[] = []
  let compared = 0
  for (let partition = 0; partition < seen.partitions; partition++) {
    const expected = expectedOf(ofEvents.get(partition) ?? [], ofNames.get(partition) ?? [])
    const actual = (written.get(partition) ?? []).map(({ key, value }) => `${key} ${value}`)
    differences.push(...listDifferences(`joined-${partition}`, actual, expected))
    compared += actual.length
  }
  return { differences, late: 0, rejected: 0, compared }
}

/** The record with the lower timestamp goes first, of equal ones the row. */
function expectedOf(stream: readonly Placed[], table: readonly Placed[]): string[] {
  const rows = new Map<string, string>()
  const lines: string[] = []
  let row = 0
  for (const { key, value, timestamp } of stream) {
    for (; row < table.length && table[row]!.timestamp <= timestamp; row++) {
      if (table[row]!.value === null) rows.delete(table[row]!.key)
      else rows.set(table[row]!.key, table[row]!.value)
    }
    lines.push(`${key} ${(value as Event).id} ${rows.get(key) ?? 'nobody'}`)
  }
  return lines
}
