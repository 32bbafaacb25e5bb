import { nativeKafka } from '../kafka/native/client.ts'
import type { Kafka } from '../ports.ts'
import { TopicReader, type TopicRows } from '../testing/read-rows.ts'
import { silentLog } from '../world.ts'
import { Machine } from './machine.ts'
import type { Simulation } from './simulation.ts'

/** A reader of the results, read committed, that is there all the time (rule R5): it must see what stays, no more. */
export class Watcher {
  readonly #sim: Simulation
  readonly #kafka: Kafka
  readonly #names: readonly string[]
  #reader: TopicReader | null = null

  constructor(sim: Simulation) {
    this.#sim = sim
    this.#names = sim.workload.outputs.map(({ name }) => name)
    const { timeline, draws, network } = sim
    const machine = new Machine({
      name: 'watcher',
      timeline,
      draws: draws.fork('watcher'),
      log: silentLog,
      lookMs: () => 0,
      yieldMs: 0.05,
    })
    this.#kafka = nativeKafka({
      transport: network.transportFor(machine),
      world: machine.world,
      clientId: 'watcher',
      requestTimeoutMs: 5000,
    })
  }

  async start(): Promise<void> {
    const opening = this.#kafka
      .connect()
      .then(() => TopicReader.open(this.#kafka, this.#names, 'read_committed'))
      .then(reader => reader.start())
    this.#reader = await this.#sim.timeline.wait(opening, 60_000, 'The start of the reader')
  }

  async finish(): Promise<ReadonlyMap<string, TopicRows>> {
    const { timeline } = this.#sim
    const reading = this.#reader!.finish(this.#kafka, 'read_committed')
    const rows = await timeline.wait(reading, timeline.nowMs + 60_000, 'The end of the reader')
    await this.#kafka.close()
    return rows
  }
}
