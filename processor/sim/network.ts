import type { EmbeddedBroker } from '../embedded/broker.ts'
import { KafkaError } from '../kafka/native/protocol/errors.ts'
import type { BrokerAddress, Channel, Transport } from '../ports.ts'
import { Connection, type Line, type Message, type Mishap } from './connection.ts'
import type { Draws } from './draws.ts'
import { type Machine, never } from './machine.ts'
import { refusalOf } from './refusals.ts'
import { answerText, requestText } from './messages.ts'
import type { Timeline } from './timeline.ts'
import type { Counts, Trace } from './trace.ts'

export interface NetworkOptions {
  readonly timeline: Timeline
  readonly broker: EmbeddedBroker
  readonly draws: Draws
  readonly trace: Trace
  readonly counts: Counts
  readonly delayMs: readonly [least: number, most: number]
  /** A broker may answer with less than is asked for. */
  readonly fetchMaxBytes: number
  /** Called after an answer that may have come with new committed offsets. */
  readonly onCommitted: () => void
}

/** A fault that waits for its message. */
export interface Trap extends Mishap {
  readonly api: string
  /** The process that it is meant for; null: whichever comes first. */
  readonly machine: string | null
}

/** Refusals by the broker, while they last: of these requests, this share. */
export interface Refusing {
  readonly error: string
  readonly apis: readonly string[]
  readonly share: number
  readonly untilUs: number
  /** So many more are refused. */
  times: number
}

interface End {
  readonly machine: Machine
  readonly node: number
}

interface Cut {
  there: boolean
  back: boolean
}

const serverTimeoutMs = 3_600_000
/** A process that cannot reach a broker is told so by its kernel, sooner or later. */
const connectTimeoutMs = 5000
/** How a broker tells a process that others have gone on without it. */
const fencing: ReadonlySet<string> = new Set([
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_EPOCH',
  'ILLEGAL_GENERATION',
  'FENCED_INSTANCE_ID',
  'UNKNOWN_MEMBER_ID',
])
const swiftMs = [0.1, 1] as const

/** All connections between processes and the broker, and what goes wrong with them. */
export class Network {
  readonly #options: NetworkOptions
  readonly #connections = new Map<Connection, End>()
  readonly #cuts = new Map<string, Cut>()
  readonly #slow = new Map<string, number>()
  readonly #transport: Transport
  readonly traps: Trap[] = []
  readonly refusing: Refusing[] = []
  /** Nodes that do not answer at all. */
  readonly down = new Set<number>()
  readonly transactionalIds = new Set<string>()
  /** A steady share of requests and answers that get lost with their connection. */
  lossShare = 0
  /** Once all is healed the network is a good one: how long the rest takes says something about the application. */
  #isSwift = false

  constructor(options: NetworkOptions) {
    this.#options = options
    this.#transport = options.broker.transport()
  }

  transportFor(machine: Machine): Transport {
    machine.onDeath(() => {
      for (const connection of this.#those(end => end.machine === machine)) connection.abandon()
    })
    return {
      bootstrap: this.#transport.bootstrap,
      connect: (address, options) => this.#connect(machine, address, options),
    }
  }

  cut(machine: string, cut: Cut): void {
    this.#cuts.set(machine, cut)
  }

  /** Everything passes again, at the usual speed. */
  heal(machine: string): void {
    this.#cuts.delete(machine)
    this.#slow.delete(machine)
    for (const connection of this.#those(end => end.machine.name === machine)) connection.flow()
  }

  slowDown(machine: string, extraMs: number): void {
    this.#slow.set(machine, extraMs)
  }

  /** Ends every connection of a process, or to a node. */
  reset(matches: (end: End) => boolean): void {
    for (const connection of this.#those(matches)) connection.reset()
  }

  /** A list of its own: what is done to them takes them out. */
  #those(matches: (end: End) => boolean): Connection[] {
    return [...this.#connections.keys()].filter(connection => matches(this.#connections.get(connection)!))
  }

  healAll(): void {
    this.#isSwift = true
    this.traps.length = 0
    this.refusing.length = 0
    this.lossShare = 0
    this.down.clear()
    for (const machine of new Set([...this.#cuts.keys(), ...this.#slow.keys()])) this.heal(machine)
    for (const connection of this.#those(() => true)) if (connection.isAiling) connection.reset()
  }

  #connect(
    machine: Machine,
    address: BrokerAddress,
    { clientId, timeoutMs }: { clientId: string; timeoutMs: number },
  ): Promise<Channel> {
    if (!machine.crossing('connect')) return never()
    const { timeline } = this.#options
    return new Promise((resolve, reject) => {
      const fail = (ms: number): void =>
        machine.after(ms, () => reject(new KafkaError('connect', 'NETWORK', `No way to ${address.port}.`)))
      timeline.after(this.#delayMs(machine), () => {
        const cut = this.#cuts.get(machine.name)
        if (cut !== undefined) return fail(Math.min(connectTimeoutMs, timeoutMs))
        if (this.down.has(address.port)) return fail(this.#delayMs(machine))
        this.#transport.connect(address, { clientId, timeoutMs: serverTimeoutMs }).then(
          server => {
            const connection = new Connection(machine, this.#line(machine), server, timeoutMs)
            this.#connections.set(connection, { machine, node: address.port })
            if (machine.isDead) connection.abandon()
            machine.after(this.#delayMs(machine), () => resolve(connection))
          },
          () => fail(this.#delayMs(machine)),
        )
      })
    })
  }

  #delayMs(machine: Machine): number {
    const { draws, delayMs } = this.#options
    const [least, most] = this.#isSwift ? swiftMs : delayMs
    return draws.between(least, most) + draws.next() * (this.#slow.get(machine.name) ?? 0)
  }

  #line(machine: Machine): Line {
    const cuts = this.#cuts
    return {
      get isCutThere() {
        return cuts.get(machine.name)?.there ?? false
      },
      get isCutBack() {
        return cuts.get(machine.name)?.back ?? false
      },
      delayMs: () => this.#delayMs(machine),
      mishap: api => this.#mishap(machine, api),
      refusal: (api, version, body) => this.#refusal(api, version, body),
      traced: (what, message, answer) => this.#traced(machine, what, message, answer),
      closed: connection => void this.#connections.delete(connection),
    }
  }

  #mishap(machine: Machine, api: string): Mishap | null {
    const { draws, counts } = this.#options
    const index = this.traps.findIndex(
      trap => trap.api === api && (trap.machine === null || trap.machine === machine.name),
    )
    if (index >= 0) {
      const [trap] = this.traps.splice(index, 1)
      counts.add(`${trap!.kind}: ${api}`)
      return trap!
    }
    if (this.lossShare === 0 || !draws.chance(this.lossShare)) return null
    counts.add('lost with its connection')
    return { kind: draws.chance(0.5) ? 'request lost' : 'answer lost', ms: 0, hangs: draws.chance(0.3) }
  }

  #refusal(api: string, version: number, body: object): object | null {
    const { timeline, draws, counts, fetchMaxBytes } = this.#options
    if (api === 'Fetch' && !this.#isSwift) limitFetch(body, fetchMaxBytes)
    for (const refusing of this.refusing) {
      const { error, apis, share, untilUs, times } = refusing
      if (times === 0 || timeline.nowUs > untilUs || !apis.includes(api) || !draws.chance(share)) continue
      refusing.times--
      const refusal = refusalOf(api, version, body, error)
      if (refusal !== null) counts.add(`refused: ${error}`)
      return refusal
    }
    return null
  }

  #traced(machine: Machine, what: string, message: Message, answer?: object): void {
    const { trace, counts } = this.#options
    const { api, body } = message
    if (answer === undefined) {
      trace.add(machine.name, `${what} ${requestText(api, body)}`)
      if (message.isGivenUp) counts.add(`too late: ${api}`)
      return
    }
    const text = answerText(api, answer)
    trace.add(machine.name, `${what} ${api} ${text}`)
    for (const error of text.match(/[A-Z_]{8,}/g) ?? []) {
      counts.add(`answered: ${error}`)
      if (machine.isZombie && fencing.has(error)) {
        machine.isZombie = false
        counts.add('zombies refused')
      }
    }
    if (api === 'InitProducerId') {
      const { transactionalId } = body as { transactionalId: string | null }
      if (transactionalId !== null) this.transactionalIds.add(transactionalId)
    }
    if (api === 'EndTxn' || api === 'OffsetCommit') this.#options.onCommitted()
  }
}

function limitFetch(body: object, maxBytes: number): void {
  const { topics } = body as { topics: { partitions: { partitionMaxBytes: number }[] }[] }
  for (const { partitions } of topics) for (const each of partitions) each.partitionMaxBytes = maxBytes
}
