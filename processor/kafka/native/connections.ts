import type { BrokerAddress, Channel, Transport, World } from '../../ports.ts'
import { closedError, pauseMs } from './retry.ts'
import { messageOf } from './failure.ts'

interface Health {
  failures: number
  retryAtMs: number
  loggedAtMs: number
}

export interface ConnectionsOptions {
  readonly transport: Transport
  readonly world: World
  readonly clientId: string
  readonly signal: AbortSignal
}

const logAgainMs = 30_000
const nameOf = (address: BrokerAddress): string => `${address.host}:${address.port}`

/**
 * One channel for each broker and purpose. JoinGroup and Fetch block the connection that they are sent on, so nothing
 * else may wait behind them. A lost channel is opened again by the next one who asks, not before the broker's back-off.
 */
export class Connections {
  readonly #options: ConnectionsOptions
  readonly #channels = new Map<string, Promise<Channel>>()
  readonly #health = new Map<string, Health>()

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  /** Waits for the back-off of a broker that refused before; rejects with what the transport says. */
  async channel(address: BrokerAddress, purpose: string, timeoutMs: number): Promise<Channel> {
    const key = `${purpose}@${nameOf(address)}`
    for (;;) {
      if (this.#options.signal.aborted) throw closedError(`Connecting to ${nameOf(address)}`)
      const known = this.#channels.get(key)
      if (known === undefined) break
      const channel = await known
      if (channel.open) return channel
      if (this.#channels.get(key) === known) this.#channels.delete(key)
    }
    const connecting = this.#connect(address, timeoutMs)
    this.#channels.set(key, connecting)
    try {
      return await connecting
    } catch (error) {
      if (this.#channels.get(key) === connecting) this.#channels.delete(key)
      throw error
    }
  }

  /** Closes the channel of one purpose; what waits on it is rejected. */
  drop(address: BrokerAddress, purpose: string): void {
    const key = `${purpose}@${nameOf(address)}`
    const known = this.#channels.get(key)
    this.#channels.delete(key)
    known?.then(close, ignore)
  }

  close(): void {
    for (const known of this.#channels.values()) known.then(close, ignore)
    this.#channels.clear()
  }

  async #connect(address: BrokerAddress, timeoutMs: number): Promise<Channel> {
    const { transport, world, clientId, signal } = this.#options
    const health = this.#healthOf(address)
    const waitMs = health.retryAtMs - world.clock.monotonic()
    if (waitMs > 0) await world.scheduler.sleep(waitMs, signal)
    try {
      if (signal.aborted) throw closedError(`Connecting to ${nameOf(address)}`)
      const channel = await transport.connect(address, { clientId, timeoutMs })
      if (signal.aborted) {
        channel.close()
        throw closedError(`Connecting to ${nameOf(address)}`)
      }
      if (health.failures > 0 && health.loggedAtMs > -Infinity) {
        world.log.info({ broker: nameOf(address) }, `Kafka broker ${nameOf(address)} answers again.`)
      }
      this.#health.delete(nameOf(address))
      return channel
    } catch (error) {
      if (!signal.aborted) this.#failed(address, health, error)
      throw error
    }
  }

  #failed(address: BrokerAddress, health: Health, error: unknown): void {
    const { world } = this.#options
    const nowMs = world.clock.monotonic()
    health.failures++
    // The first pause is 40 ms or so: a restarting broker refuses for seconds.
    health.retryAtMs = nowMs + pauseMs(world, health.failures + 3)
    if (nowMs - health.loggedAtMs < logAgainMs) return
    health.loggedAtMs = nowMs
    const name = nameOf(address)
    world.log.warn(
      { broker: name, failures: health.failures },
      `Kafka broker ${name} cannot be reached: ${messageOf(error)} Waiting for it.`,
    )
  }

  #healthOf(address: BrokerAddress): Health {
    const key = nameOf(address)
    let health = this.#health.get(key)
    if (health === undefined) {
      health = { failures: 0, retryAtMs: -Infinity, loggedAtMs: -Infinity }
      this.#health.set(key, health)
    }
    return health
  }
}

function close(channel: Channel): void {
  channel.close()
}

/** The one who asked for the channel has already been told. */
function ignore(): void {}
