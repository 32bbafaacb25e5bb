import type { Draws } from './draws.ts'
import type { FaultName } from './fault-names.ts'
import { faults } from './faults.ts'
import type { Replica } from './replica.ts'
import type { Simulation } from './simulation.ts'

/** After it ended by itself a supervisor waits a moment. */
const restartMs = 1000

/** Makes faults of the kinds of its seed, for as long as the load lasts, and then mends everything. */
export class Nemesis {
  readonly #sim: Simulation
  readonly #draws: Draws
  #isActive = true

  constructor(sim: Simulation) {
    this.#sim = sim
    this.#draws = sim.draws.fork('nemesis')
    sim.onEnd = (replica, how) => this.#ended(replica, how)
    const { faults: names, loadMs } = sim.swarm
    if (names.length > 0) this.#next()
    // Where several kinds are mixed, one kill at least is aimed at a step of a commit (rule M5).
    if (names.length > 1) sim.timeline.after(loadMs * this.#draws.between(0.1, 0.6), () => this.#make('kill at step'))
  }

  #next(): void {
    const { timeline, swarm } = this.#sim
    // Several at once, and then a while of peace: work must get done in between, or nothing is there to break.
    timeline.after(-Math.log(1 - this.#draws.next()) * swarm.faultEveryMs, () => {
      if (!this.#isActive) return
      this.#make(this.#draws.pick(swarm.faults))
      this.#next()
    })
  }

  #make(name: FaultName): void {
    if (!this.#isActive) return
    this.#sim.trace.add('nemesis', name)
    this.#sim.counts.add(`fault: ${name}`)
    faults[name](this.#sim, this.#draws)
  }

  #ended(replica: Replica, how: 'stopped' | 'failed' | 'killed'): void {
    const { timeline, swarm, violated } = this.#sim
    if (how === 'stopped' && !replica.isStopping) violated.call(this.#sim, `${replica.name} stopped by itself`)
    const waitMs =
      how === 'failed' ? restartMs : this.#draws.whole(20, Math.ceil(swarm.settings.sessionTimeoutMs! * 1.5))
    timeline.after(waitMs, () => {
      if (replica.isWanted) replica.start()
    })
  }

  /** The last fault: everything works from here on. */
  heal(): void {
    this.#isActive = false
    this.#sim.isHealed = true
    const { network, broker, brokerMachine, replicas, trace, swarm } = this.#sim
    trace.add('nemesis', 'everything is healed')
    network.healAll()
    broker.requests.transactions.markerDelayMs = swarm.markerDelayMs
    brokerMachine.resume()
    for (const replica of replicas) {
      if (replica.machine !== null) {
        replica.machine.ambush = null
        replica.machine.resume()
      }
      replica.start()
    }
  }
}
