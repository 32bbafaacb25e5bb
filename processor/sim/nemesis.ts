import type { Draws } from './draws.ts'
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
    if (sim.swarm.faults.length > 0) this.#next()
  }

  #next(): void {
    const { timeline, trace, counts, swarm } = this.#sim
    timeline.after(swarm.faultEveryMs * this.#draws.between(0, 2), () => {
      if (!this.#isActive) return
      const name = this.#draws.pick(swarm.faults)
      trace.add('nemesis', name)
      counts.add(`fault: ${name}`)
      faults[name](this.#sim, this.#draws)
      this.#next()
    })
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
    const { network, brokerMachine, replicas, trace } = this.#sim
    trace.add('nemesis', 'everything is healed')
    network.healAll()
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
