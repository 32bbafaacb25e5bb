import { changelogTopic } from '../../topology/names.ts'
import { commitSteps } from '../runtime/commit.ts'
import type { Draws } from './draws.ts'
import type { FaultName } from './fault-names.ts'
import type { Ambush } from './machine.ts'
import type { Replica } from './replica.ts'
import { application, type Simulation } from './simulation.ts'

type Fault = (sim: Simulation, draws: Draws) => void

const transactional = ['Produce', 'TxnOffsetCommit', 'EndTxn', 'InitProducerId'] as const
const coordinated = 'InitProducerId EndTxn TxnOffsetCommit OffsetFetch JoinGroup SyncGroup Heartbeat FindCoordinator'
const ports = `
  send Produce, sent Produce, send TxnOffsetCommit, sent TxnOffsetCommit, send EndTxn, sent EndTxn,
  send InitProducerId, sent InitProducerId, send JoinGroup, sent JoinGroup, sent SyncGroup,
  sent OffsetFetch, sent ListOffsets, send Fetch, sent CreateTopics, connect,
  store open, store write, store written, store read, store destroy, store close`
  .trim()
  .split(/,\s+/)
const hourMs = 3_600_000
/** And some more: tombstones are kept for a day. */
const dayMs = 26 * hourMs

function running(sim: Simulation, draws: Draws): Replica | null {
  const those = sim.replicas.filter(replica => replica.isRunning && !replica.isPaused)
  return those.length === 0 ? null : draws.pick(those)
}

const onRunning =
  (fault: (replica: Replica, sim: Simulation, draws: Draws) => void): Fault =>
  (sim, draws) => {
    const replica = running(sim, draws)
    if (replica !== null) fault(replica, sim, draws)
  }

/** Whoever comes by first is killed. */
function ambush({ replicas, counts }: Simulation, name: string, matches: Ambush['matches'], skips: number): void {
  const machines = replicas.flatMap(({ machine }) => (machine === null || machine.isDead ? [] : [machine]))
  const shared: Ambush = {
    matches,
    skips,
    onSprung() {
      counts.add(name)
      for (const machine of machines) if (machine.ambush === shared) machine.ambush = null
    },
  }
  for (const machine of machines) machine.ambush = shared
}

/** What is wrong for a while: as long as a second or two, now and then much longer. */
const whileMs = (draws: Draws): number => (draws.chance(0.2) ? draws.whole(2000, 12_000) : draws.whole(20, 2000))

function refuse(sim: Simulation, draws: Draws, error: string, apis: readonly string[], times = Infinity): void {
  // What is refused only so often waits until somebody asks.
  const untilUs = times === Infinity ? sim.timeline.nowUs + whileMs(draws) * 1000 : Infinity
  sim.network.refusing.push({ error, apis, share: draws.between(0.3, 1), untilUs, times })
}

function stopBrokers(sim: Simulation, draws: Draws): void {
  const { network, broker, brokerMachine, timeline, swarm } = sim
  for (let node = 1; node <= swarm.brokers; node++) network.down.add(node)
  broker.restart()
  network.reset(() => true)
  brokerMachine.pause()
  timeline.after(draws.whole(50, 5000), () => {
    network.down.clear()
    brokerMachine.resume()
  })
}

function compactChangelogs({ broker, compiled, counts }: Simulation): void {
  for (const { stores } of compiled.subTopologies)
    for (const { name } of stores) broker.compact(changelogTopic(application, name))
  counts.add('compactions')
}

/** How each kind of fault is made. What it breaks for a while it mends itself. */
export const faults: Readonly<Record<FaultName, Fault>> = {
  kill: onRunning(replica => replica.kill()),
  'kill at step': (sim, draws) => {
    const step = draws.pick(commitSteps)
    if (step === 'closing') running(sim, draws)?.stop()
    ambush(sim, `killed at ${step}`, port => port === `step ${step}`, step === 'closing' ? 0 : draws.whole(0, 1))
  },
  'kill at port': (sim, draws) => {
    const any = draws.chance(0.2)
    const port = draws.pick(ports)
    ambush(sim, 'killed at a port', name => any || name === port, draws.whole(0, any ? 2000 : 3))
  },
  zombie: onRunning((replica, { timeline, swarm, counts }, draws) => {
    const machine = replica.machine!
    machine.pause()
    timeline.after(swarm.settings.sessionTimeoutMs! * draws.between(0.5, 2.5), () => {
      machine.isZombie = true
      counts.add('zombies')
      machine.resume()
    })
  }),
  restart: onRunning((replica, { timeline }, draws) => {
    replica.stop()
    timeline.after(draws.whole(10, 6000), () => replica.start())
  }),
  rename: onRunning((replica, sim, draws) => {
    const { replicas, timeline, counts } = sim
    replica.isWanted = false
    replica.isRetired = true
    if (draws.chance(0.5)) replica.kill()
    else replica.stop()
    replicas.splice(replicas.indexOf(replica), 1)
    const name = `n${counts.get('renamed')}`
    counts.add('renamed')
    const volume = sim.makeVolume(name)
    const next = sim.addReplica(name, volume)
    timeline.after(draws.whole(10, 3000), () => next.start())
  }),
  'state deleted': onRunning((replica, { counts }) => {
    replica.kill()
    replica.volume.wipe()
    counts.add('state deleted')
  }),
  partition: onRunning((replica, { network, timeline }, draws) => {
    const way = draws.whole(0, 2)
    network.cut(replica.name, { there: way !== 1, back: way !== 2 })
    timeline.after(whileMs(draws), () => network.heal(replica.name))
  }),
  loss: ({ network, timeline }, draws) => {
    network.lossShare = draws.between(0.01, 0.3)
    timeline.after(whileMs(draws), () => {
      network.lossShare = 0
    })
  },
  delay: onRunning((replica, { network, timeline }, draws) => {
    network.slowDown(replica.name, draws.pick([100, 1000, 5000]))
    timeline.after(whileMs(draws), () => network.heal(replica.name))
  }),
  reset: onRunning((replica, { network }) => network.reset(({ machine }) => machine === replica.machine)),
  'answer lost': onRunning((replica, { network }, draws) => {
    const kind = draws.chance(0.7) ? 'answer lost' : 'request lost'
    network.traps.push({ api: draws.pick(transactional), machine: replica.name, kind, ms: 0, hangs: draws.chance(0.4) })
  }),
  'request late': onRunning((replica, { network, swarm }, draws) => {
    const ms = Math.min(swarm.requestTimeoutMs, 8000) * draws.between(0.5, 1.6)
    const kind = draws.chance(0.7) ? 'request late' : 'answer late'
    const api = draws.pick([...transactional, 'EndTxn'])
    network.traps.push({ api, machine: replica.name, kind, ms, hangs: false })
  }),
  'broker restart': (sim, draws) => {
    if (sim.brokerMachine.isPaused) return
    sim.counts.add('broker restarts')
    stopBrokers(sim, draws)
  },
  'node down': ({ network, timeline, swarm, counts }, draws) => {
    const down = draws.whole(1, swarm.brokers)
    counts.add('nodes down')
    network.down.add(down)
    network.reset(({ node }) => node === down)
    timeline.after(draws.whole(50, 4000), () => network.down.delete(down))
  },
  coordinator: (sim, draws) => {
    const error = draws.pick(['NOT_COORDINATOR', 'COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE'])
    refuse(sim, draws, error, coordinated.split(' '))
  },
  concurrent: (sim, draws) => refuse(sim, draws, 'CONCURRENT_TRANSACTIONS', transactional),
  'late markers': ({ broker, swarm, timeline }, draws) => {
    const { transactions } = broker.requests
    transactions.markerDelayMs = draws.pick([500, 1500, 4000])
    timeline.after(whileMs(draws), () => {
      transactions.markerDelayMs = swarm.markerDelayMs
    })
  },
  leaderless: (sim, draws) => refuse(sim, draws, 'NOT_LEADER_OR_FOLLOWER', ['Produce', 'Fetch', 'ListOffsets']),
  sequence: (sim, draws) =>
    refuse(
      sim,
      draws,
      draws.pick(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID']),
      ['Produce'],
      draws.whole(1, 2),
    ),
  epochs: (sim, draws) => {
    const replica = running(sim, draws)
    replica?.kill()
    const { transactions } = sim.broker.requests
    for (const id of sim.network.transactionalIds) {
      if (replica === null || !id.includes(replica.name)) continue
      if (!['Empty', 'CompleteCommit', 'CompleteAbort'].includes(transactions.state(id) ?? '')) continue
      transactions.setEpoch(id, 32_764)
      sim.counts.add('epochs run out')
    }
  },
  clock: (sim, draws) => {
    const ms = draws.pick([-hourMs, hourMs, -1000, 600_000])
    const machine = draws.chance(0.2) ? sim.brokerMachine : running(sim, draws)?.machine
    if (machine === undefined || machine === null) return
    machine.skewMs += ms
    sim.counts.add('clock jumps')
  },
  compaction: (sim, draws) => {
    compactChangelogs(sim)
    if (!draws.chance(0.3)) return
    sim.timeline.skippedMs += dayMs
    sim.counts.add('days passed')
    compactChangelogs(sim)
  },
}
