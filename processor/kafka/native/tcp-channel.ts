import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import type { BrokerAddress, Channel, Clock, Scheduler } from '../../ports.ts'
import { correlationIdOf, decodeResponse, encodeRequest } from './protocol/apis.ts'
import { KafkaError } from './protocol/errors.ts'
import { FrameReader } from './tcp-frames.ts'
import type { SocketUser } from './tcp-socket.ts'

export interface ChannelOptions {
  readonly address: BrokerAddress
  readonly clientId: string
  readonly timeoutMs: number
  readonly world: { readonly clock: Clock; readonly scheduler: Scheduler }
}

interface Waiting {
  readonly api: string
  readonly version: number
  readonly deadlineMs: number
  readonly resolve: (body: unknown) => void
  readonly reject: (error: unknown) => void
}

const isSilent = (api: string, body: object): boolean => api === 'Produce' && (body as { acks?: number }).acks === 0

/** Requests over one socket, matched with their answers by correlation id. */
export class TcpChannel implements Channel, SocketUser {
  readonly #options: ChannelOptions
  readonly #name: string
  readonly #clientId: Buffer
  readonly #frames = new FrameReader(frame => this.#answered(frame))
  /** In the order in which they were sent, which is that of their deadlines. */
  readonly #waiting = new Map<number, Waiting>()
  readonly #stopped = new AbortController()
  #socket: Socket | null = null
  #correlationId = 0
  #watching = false

  constructor(options: ChannelOptions) {
    this.#options = options
    this.#name = `${options.address.host}:${options.address.port}`
    this.#clientId = Buffer.from(options.clientId)
  }

  get open(): boolean {
    return this.#socket !== null
  }

  request<Answer>(api: string, version: number, body: object): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const socket = this.#socket
      if (socket === null) return reject(this.#lost(api, null))
      const correlationId = this.#correlationId
      const chunks = encodeRequest(api, version, body, correlationId, this.#clientId)
      this.#correlationId = (correlationId + 1) | 0
      socket.cork()
      for (const chunk of chunks) socket.write(chunk)
      socket.uncork()
      // A broker does not answer a Produce without acknowledgement.
      if (isSilent(api, body)) return resolve(undefined as Answer)
      const deadlineMs = this.#options.world.clock.monotonic() + this.#options.timeoutMs
      this.#waiting.set(correlationId, { api, version, deadlineMs, resolve: resolve as Waiting['resolve'], reject })
      if (!this.#watching) void this.#watch()
    })
  }

  close(): void {
    this.#end(
      new KafkaError('close', 'NETWORK', `The connection to the Kafka broker ${this.#name} was closed by this side.`),
    )
  }

  opened(socket: Socket): void {
    this.#socket = socket
  }

  received(chunk: Uint8Array, size: number): void {
    try {
      this.#frames.push(chunk, size)
    } catch (cause) {
      const message = `The Kafka broker ${this.#name} sent what cannot be read: ${String(cause)}. Is its listener the right one?`
      this.#end(new KafkaError('read', 'MALFORMED_RESPONSE', message, { cause }))
    }
  }

  closed(cause: Error | null): void {
    this.#end(cause)
  }

  #answered(frame: Buffer): void {
    const correlationId = correlationIdOf(frame)
    const waiting = this.#waiting.get(correlationId)
    if (waiting === undefined) {
      const message = `The Kafka broker ${this.#name} answered request ${correlationId}, which was not sent.`
      return this.#end(new KafkaError('read', 'MALFORMED_RESPONSE', message))
    }
    this.#waiting.delete(correlationId)
    const { api, version, resolve, reject } = waiting
    try {
      resolve(decodeResponse(api, version, frame).body)
    } catch (error) {
      // What follows on this connection cannot be trusted either.
      reject(error)
      this.#end(error)
    }
  }

  /** One timer for all: answers come in order, so the oldest request is the first that can be late. */
  async #watch(): Promise<void> {
    const { clock, scheduler } = this.#options.world
    this.#watching = true
    for (let oldest = this.#oldest(); oldest !== undefined; oldest = this.#oldest()) {
      const leftMs = oldest.deadlineMs - clock.monotonic()
      if (leftMs > 0) {
        await scheduler.sleep(leftMs, this.#stopped.signal)
        continue
      }
      const message = `The Kafka broker ${this.#name} did not answer ${oldest.api} within ${this.#options.timeoutMs} ms.`
      this.#end(new KafkaError(oldest.api, 'TIMEOUT', message))
    }
    this.#watching = false
  }

  #oldest(): Waiting | undefined {
    return this.#waiting.values().next().value
  }

  /** Closes, and rejects what waits: a timeout as such, everything else as a lost connection. */
  #end(cause: unknown): void {
    const socket = this.#socket
    if (socket === null) return
    this.#socket = null
    this.#stopped.abort()
    socket.destroy()
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { api, reject } of waiting) reject(this.#lost(api, cause))
  }

  #lost(api: string, cause: unknown): KafkaError {
    if (cause instanceof KafkaError && cause.error === 'TIMEOUT') {
      return new KafkaError(api, 'TIMEOUT', cause.message, { cause })
    }
    const why = cause instanceof Error ? `: ${cause.message}` : '.'
    return new KafkaError(
      api,
      'NETWORK',
      `The connection to the Kafka broker ${this.#name} was lost before the answer to ${api}${why}`,
      { cause },
    )
  }
}
