import type { Topic } from '../../schemas/topic.ts'
import { compile } from '../../topology/compile.ts'
import { changelogTopic } from '../../topology/names.ts'
import type { Plan } from '../../topology/plan.ts'
import type { Stores } from '../state-port.ts'
import type { AppOptions } from '../runtime/app.ts'
import type { Step } from '../runtime/commit.ts'
import { memoryStores } from '../state/memory.ts'
import { Harness, type Input, type Output } from './harness.ts'
import { TestProcess } from './process-testing.ts'
import { readTopic } from './read-rows.ts'

type Topology = { readonly plan: Plan }

export interface Scenario {
  readonly topology: () => Topology
  readonly partitions: number
  readonly inputs: readonly Input[]
  /** All input topics: each partition gets a mark of the end. */
  readonly ends: readonly Topic<any, any>[]
  readonly output: Topic<any, any>
}

/** How each process of a run ends, but for the last one. */
export interface Ending {
  readonly by: 'stop' | 'kill'
  /**
   * In the process of that index, at the first such step after its first commit (`committed`: the first commit itself).
   */
  readonly at: (process: number) => Step
  readonly state: 'kept' | 'deleted'
  /** Forwarded to the application. */
  readonly options?: Partial<AppOptions>
}

/** What one process of a run restored, and what it had to restore. */
export interface Restored {
  readonly records: number
  /** Committed records in all changelogs when it began. */
  readonly committed: number
  readonly previous: number
}

export interface Run {
  readonly outputs: readonly Output[]
  readonly restored: readonly Restored[]
}

/** Records per produce request: the input takes many fetches, and so many transactions. */
const chunk = 10
/** A run that makes no progress is a failure, not a hang. */
const processesMost = 200

/**
 * Runs the scenario on a broker of its own, over as many processes as it takes, each ended as told; null: one process.
 */
export async function runOver(scenario: Scenario, ending: Ending | null): Promise<Run> {
  const harness = new Harness()
  const topology = scenario.topology()
  await harness.createTopics(topology, scenario.partitions)
  const { inputs, ends } = scenario
  for (let i = 0; i < inputs.length; i += chunk) await harness.produce(inputs.slice(i, i + chunk))
  await harness.produce([], ends)
  const restored: Restored[] = []
  let stores = memoryStores()
  let previous = 0
  for (let index = 0, hasEnded = false; !hasEnded; index++) {
    if (index > processesMost) throw new Error('The run does not come to its end.')
    const committed = await changelogRecords(harness, topology)
    const process = makeProcess(harness, topology, stores, ending, index)
    hasEnded = (await process.run()) === 'ended'
    if (process.app.worker !== null) restored.push({ records: process.app.read().restore.records, committed, previous })
    previous = committed
    if (ending?.state === 'deleted') stores = memoryStores()
  }
  const outputs = await harness.read(scenario.output)
  await harness.close()
  return { outputs, restored }
}

function makeProcess(
  harness: Harness,
  topology: Topology,
  stores: Stores,
  ending: Ending | null,
  index: number,
): TestProcess {
  // A commit of input: one that only hears of an end again is no progress.
  let hasCommitted = false
  return new TestProcess(harness, topology, {
    ...ending?.options,
    stores,
    onStep(step, process) {
      if (step === 'committed') hasCommitted ||= takenRecords(process, topology) > 0
      if (ending === null || !hasCommitted || step !== ending.at(index)) return
      if (ending.by === 'kill') process.kill()
      else void process.app.stop()
    },
  })
}

function takenRecords(process: TestProcess, topology: Topology): number {
  let records = 0
  for (const task of process.app.worker!.tasks.values()) {
    for (const { name } of compile(topology).inputs) records += task.tallies.taken.get(name)?.committed ?? 0
  }
  return records
}

async function changelogRecords(harness: Harness, topology: Topology): Promise<number> {
  const { name, subTopologies } = compile(topology)
  const topics = subTopologies.flatMap(part => part.stores).map(store => changelogTopic(name, store.name))
  const existing = await harness.kafka.admin().topics(topics)
  let records = 0
  for (const topic of existing.keys()) records += (await readTopic(harness.kafka, topic)).rows.length
  return records
}
