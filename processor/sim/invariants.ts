import { changelogTopics } from './drained.ts'
import type { TopicRows } from '../testing/read-rows.ts'
import { readCommitted } from './committed-log.ts'
import type { Simulation } from './simulation.ts'
import { checkState } from './state-check.ts'
import type { Output, Seen } from './workload.ts'

/** After the run: the invariants that the logs and the disks tell. */
export async function checkInvariants(sim: Simulation, watched: ReadonlyMap<string, TopicRows>): Promise<void> {
  checkLogs(sim)
  checkWatched(sim, watched)
  // At least once, a zombie writes its state beside that of its successor: what was in memory then differs.
  if (sim.swarm.guarantee === 'exactly_once') checkState(sim)
  checkResults(sim)
}

/** R3: no transaction is left open. I10: a changelog has one writer at a time. And what was aborted is counted. */
function checkLogs(sim: Simulation): void {
  const changelogs = new Set(changelogTopics(sim))
  for (const { name, partitions } of sim.broker.requests.topics.all()) {
    for (const log of partitions) {
      const { open, overlaps, abortedTransactions, committedTransactions, abortedRecords } = readCommitted(log)
      if (open.length > 0) sim.violated(`R3: a transaction of producer ${open[0]} hangs in ${name}-${log.partition}`)
      if (changelogs.has(name) && overlaps.length > 0)
        sim.violated(`I10: two producers have written to ${name}-${log.partition} at a time, at offset ${overlaps[0]}`)
      if (sim.workload.inputs.some(topic => topic.name === name)) continue
      sim.counts.add('aborted transactions', abortedTransactions)
      sim.counts.add('committed transactions', committedTransactions)
      sim.counts.add('aborted records', abortedRecords)
    }
  }
  sim.counts.add(`guarantee: ${sim.swarm.guarantee}`)
  sim.counts.add('generations', sim.broker.requests.groups.get('sim')?.generation ?? 0)
}

/** I8: the client's reader saw, while it happened, exactly what is committed. */
function checkWatched(sim: Simulation, watched: ReadonlyMap<string, TopicRows>): void {
  for (const [topic, { rows }] of watched) {
    const { partitions } = sim.broker.requests.topics.get(topic)!
    const seen = rows.map(({ partition, offset }) => `${partition}@${offset}`)
    const committed = partitions.flatMap(log =>
      readCommitted(log).records.map(({ partition, offset }) => `${partition}@${offset}`),
    )
    const first = committed.findIndex((at, index) => seen[index] !== at)
    if (seen.length === committed.length && first < 0) continue
    sim.violated(
      `I8: a reader of ${topic} saw ${seen.length} records, committed are ${committed.length}; ` +
        `the first that differs is ${seen[first]}, not ${committed[first]}`,
    )
  }
}

/** I1 to I5, I11: what was written is what the oracle computes from the input. */
function checkResults(sim: Simulation): void {
  const verdict = sim.workload.check(seenIn(sim))
  for (const difference of verdict.differences) sim.violated(`oracle: ${difference}`)
  sim.counts.add('late records', verdict.late)
  sim.counts.add('rejected records', verdict.rejected)
  sim.counts.add('results compared', verdict.compared)
  sim.counts.add('input records', sim.feeder.placed.length)
  if (verdict.compared === 0) sim.violated('vacuous: no result was compared')
}

/** What went in, and what is committed of what came out. */
export function seenIn({ broker, serdes, feeder, swarm }: Simulation): Seen {
  return {
    placed: feeder.placed,
    partitions: swarm.partitions,
    guarantee: swarm.guarantee,
    outputs(topic): Output[] {
      const { key, value } = serdes.get(topic)!
      const { partitions } = broker.requests.topics.get(topic.name)!
      return partitions.flatMap(log =>
        readCommitted(log).records.map(record => ({
          partition: record.partition,
          offset: record.offset,
          timestamp: record.timestamp,
          rawKey: record.key,
          key: record.key === null ? null : key.read(record.key, 0, record.key.length),
          value: record.value === null ? null : value.read(record.value, 0, record.value.length),
        })),
      )
    },
  }
}
