import { json, rawBytes, text } from '../../../schemas/serdes.ts'
import { topic } from '../../../schemas/topic.ts'
import { topology } from '../../../topology/stream.ts'
import type { Seen, Verdict, Workload, WorkloadOptions } from '../workload.ts'
import { byPartition, type Event, eventsFor, listDifferences } from './records.ts'

const any = json<any>('any', value => value)
const events = topic('events', text, any)
const copies = topic('copies', text, any)
const dead = topic('dead', rawBytes, any)

const isPoison = ({ id }: Event): boolean => id % 53 === 17

const build = () => {
  const t = topology('relay', {
    onFailure: 'dead-letter',
    deadLetters: { topic: dead as any, value: ({ offset }) => offset },
  })
  t.stream(events)
    .map((event: Event) => {
      if (isPoison(event)) throw new Error('poison')
      return event.id
    })
    .to(copies)
  return t
}

/** Events as they come, without state: what runs at least once too, where each must come out and may come out again. */
export function relayWorkload(options: WorkloadOptions): Workload {
  return { inputs: [events], outputs: [copies, dead], topology: build, records: eventsFor(events, options), check }
}

function check(seen: Seen): Verdict {
  const differences: string[] = []
  let [rejected, compared] = [0, 0]
  const placed = byPartition(seen.placed)
  const written = { copies: byPartition(seen.outputs(copies)), dead: byPartition(seen.outputs(dead)) }
  for (let partition = 0; partition < seen.partitions; partition++) {
    const inputs = placed.get(partition) ?? []
    const good = inputs.filter(({ value }) => !isPoison(value))
    const bad = inputs.filter(({ value }) => isPoison(value))
    const lists = {
      copies: [written.copies.get(partition) ?? [], good.map(({ value }) => String((value as Event).id))],
      dead: [written.dead.get(partition) ?? [], bad.map(({ offset }) => String(offset))],
    } as const
    for (const [name, [outputs, expected]] of Object.entries(lists)) {
      const all = outputs.map(({ value }) => String(value))
      // At least once: what comes again leaves the order in which all came first.
      const actual = seen.guarantee === 'exactly_once' ? all : [...new Set(all)]
      differences.push(...listDifferences(`${name}-${partition}`, actual, expected))
    }
    rejected += bad.length
    compared += good.length
  }
  return { differences, late: 0, rejected, compared }
}
