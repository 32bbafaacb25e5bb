import { Draws } from '../sim/draws.ts'

// What happens in a run, in which order: all of it follows from the seed.

export const actionKinds = [
  'kill',
  'killAndDeleteState',
  'zombie',
  'replacedZombie',
  'brokerKill',
  'brokerRestart',
  'rollingRestart',
  'storm',
] as const
export type ActionKind = (typeof actionKinds)[number]

export interface Action {
  readonly kind: ActionKind
  /** Which replica or broker, from 0. */
  readonly target: number
  /** A second draw for what the action does, in [0, 1): how long something is down. */
  readonly share: number
}

export type Counts = Readonly<Record<ActionKind, number>>

/** Replicas that the group knows by a name that they were given: only these can be replaced by another of that name. */
export const namedReplica = 0

/** Ten minutes have 32 kills, 5 zombies, 3 that are replaced and 5 broker kills; two have 8, 1, 1 and 1. */
export function countsFor(minutes: number): Counts {
  const kills = minutes * 3 + 2
  const deleted = Math.floor(kills / 5)
  return {
    kill: kills - deleted,
    killAndDeleteState: deleted,
    zombie: Math.max(1, Math.floor(minutes / 2)),
    replacedZombie: Math.max(1, Math.floor(minutes / 3)),
    brokerKill: Math.max(1, Math.floor(minutes / 2)),
    brokerRestart: Math.floor(minutes / 4),
    rollingRestart: Math.floor(minutes / 4),
    storm: Math.floor(minutes / 3),
  }
}

export function planFor(
  seed: number,
  counts: Counts,
  size: { readonly replicas: number; readonly brokers: number },
): readonly Action[] {
  const draws = new Draws(seed)
  const kinds = actionKinds.flatMap(kind => Array.from({ length: counts[kind] }, () => kind))
  for (let i = kinds.length - 1; i > 0; i--) {
    const other = draws.whole(0, i)
    ;[kinds[i], kinds[other]] = [kinds[other]!, kinds[i]!]
  }
  return kinds.map(kind => {
    const isOfBroker = kind === 'brokerKill' || kind === 'brokerRestart'
    const drawn = draws.whole(0, (isOfBroker ? size.brokers : size.replicas) - 1)
    return { kind, target: kind === 'replacedZombie' ? namedReplica : drawn, share: draws.next() }
  })
}
