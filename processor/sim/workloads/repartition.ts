import { json, text } from '../../../schemas/serdes.ts'
import { topic } from '../../../schemas/topic.ts'
import { count, sum } from '../../../topology/counting.ts'
import { keyValueState } from '../../../topology/state.ts'
import { topology } from '../../../topology/stream.ts'
import { tumbling } from '../../../topology/windows.ts'
import type { Output, Seen, Verdict, Workload, WorkloadOptions } from '../workload.ts'
import { disorderMs, type Event, eventsFor, listDifferences } from './records.ts'

const any = json<any>('any', value => value)
const events = topic('events', text, any)
const groups = topic('groups', text, any)
const tumbled = topic('tumbled', text, any)

const sizeMs = 100
/** More than any record is behind: behind the repartition topic nothing is late. */
const graceMs = disorderMs.far + 50

const build = (combine: boolean) => () => {
  const t = topology('repartition')
  const events_ = t.stream(events)
  events_
    .rekey(({ group }: Event) => group, text)
    .repartition('by-group', any)
    .process('running', {
      stores: { sums: keyValueState('sums', text, any) },
      create: context => ({
        process({ key, value, timestamp }: any) {
          const store = context.store('sums')
          const { n, total } = store.get(key) ?? { n: 0, total: 0 }
          const next = { n: n + 1, total: total + value.amount }
          store.put(key, next)
          context.forward(key, { ...next, id: value.id } as any, timestamp)
        },
      }),
    })
    .to(groups as any)
  events_
    .groupBy(({ group }: Event) => `w${group}`, text, any)
    .window(tumbling(sizeMs, { grace: graceMs }))
    .aggregate('windows', { n: count<Event>(), total: sum(({ amount }: Event) => amount) }, { combine })
    .final()
    .to(tumbled)
  return t
}

/**
 * Events regrouped through a topic of the application: running sums with a store of the user, and windows. How writers
 * interleave is nobody's promise; that each of them stays in order, and that nothing is lost or doubled, is.
 */
export function repartitionWorkload(options: WorkloadOptions): Workload {
  const topology_ = build(options.draws.chance(0.5))
  return {
    inputs: [events],
    outputs: [groups, tumbled],
    topology: topology_,
    records: eventsFor(events, options),
    check,
  }
}

function check(seen: Seen): Verdict {
  const running = seen.outputs(groups)
  const windows = seen.outputs(tumbled)
  const differences = [...checkRunning(running, seen), ...checkWindows(windows, seen)]
  return { differences, late: 0, rejected: 0, compared: running.length + windows.length }
}

/** Every event once; each sum is that of the events before it; events of one partition in their order. */
function checkRunning(running: readonly Output[], { placed }: Seen): string[] {
  const differences: string[] = []
  const events_ = new Map(placed.map(each => [(each.value as Event).id, each]))
  const sums = new Map<string, { n: number; total: number }>()
  const offsets = new Map<string, number>()
  const seenIds = new Set<number>()
  for (const { key, value, partition, offset } of running) {
    const at = `groups-${partition}@${offset}`
    const event = events_.get(value.id)
    if (event === undefined) {
      differences.push(`${at}: nobody sent event ${value.id}`)
      continue
    }
    if (seenIds.has(value.id)) differences.push(`${at}: event ${value.id} comes twice`)
    seenIds.add(value.id)
    if ((event.value as Event).group !== key) differences.push(`${at}: event ${value.id} is not of group ${key}`)
    const { n, total } = sums.get(key) ?? { n: 0, total: 0 }
    const next = { n: n + 1, total: total + (event.value as Event).amount }
    sums.set(key, next)
    if (value.n !== next.n || value.total !== next.total)
      differences.push(`${at}: ${key} is ${value.n} ${value.total}, expected ${next.n} ${next.total}`)
    const writer = `${key} from ${event.partition}`
    if (event.offset <= (offsets.get(writer) ?? -1)) differences.push(`${at}: ${writer} is out of order`)
    offsets.set(writer, event.offset)
  }
  for (const id of events_.keys()) if (!seenIds.has(id)) differences.push(`event ${id} is missing in groups`)
  return differences.slice(0, 5)
}

function checkWindows(windows: readonly Output[], { placed }: Seen): string[] {
  const expected = new Map<string, { n: number; total: number }>()
  for (const { value, timestamp } of placed) {
    const { group, amount } = value as Event
    const startMs = Math.floor(timestamp / sizeMs) * sizeMs
    const at = `w${group} ${startMs}..${startMs + sizeMs}`
    const sums = expected.get(at) ?? { n: 0, total: 0 }
    expected.set(at, { n: sums.n + 1, total: sums.total + amount })
  }
  return listDifferences(
    'tumbled',
    windows.map(({ key, value }) => `${key} ${value.startMs}..${value.endMs}: ${value.n} ${value.total}`).toSorted(),
    [...expected].map(([at, { n, total }]) => `${at}: ${n} ${total}`).toSorted(),
  )
}
