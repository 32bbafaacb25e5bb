import type { Channel, Scheduler } from '../ports.ts'
import { KafkaError } from '../kafka/native/protocol/errors.ts'
import type { Timer, Timers } from './timers.ts'

export interface Caller {
  readonly node: number
  readonly clientId: string
}

export type Handler = (api: string, version: number, body: object, caller: Caller) => object | Promise<object>

interface Call {
  readonly api: string
  readonly version: number
  readonly body: object
  readonly deadlineMs: number
  readonly resolve: (answer: object) => void
  readonly reject: (error: KafkaError) => void
}

export interface ChannelOptions {
  readonly scheduler: Scheduler
  readonly now: () => number
  readonly timers: Timers
  readonly timeoutMs: number
  readonly caller: Caller
  readonly handler: Handler
  readonly closed: (channel: EmbeddedChannel) => void
}

/**
 * A connection in the same process. As on a broker's socket one request is worked on at a time, so a JoinGroup or a
 * Fetch that waits holds up what was sent after it; and each is begun in a turn of its own, so that timers and sockets
 * get theirs.
 */
export class EmbeddedChannel implements Channel {
  readonly #options: ChannelOptions
  readonly #calls: Call[] = []
  readonly #deadline: Timer
  #working = false
  open = true

  constructor(options: ChannelOptions) {
    this.#options = options
    this.#deadline = options.timers.timer(() => this.#expire())
  }

  request<Answer>(api: string, version: number, body: object): Promise<Answer> {
    if (!this.open) return Promise.reject(lost(api, 'The connection is closed.'))
    return new Promise<object>((resolve, reject) => {
      const { now, timeoutMs } = this.#options
      this.#calls.push({ api, version, body, deadlineMs: now() + timeoutMs, resolve, reject })
      if (this.#working) return
      this.#deadline.set(timeoutMs)
      void this.#work()
    }) as Promise<Answer>
  }

  async #work(): Promise<void> {
    const { scheduler, handler, caller } = this.#options
    this.#working = true
    for (let call = this.#calls[0]; call !== undefined; call = this.#calls[0]) {
      await scheduler.yield()
      if (!this.open) return
      let answer: object | null = null
      let failure: unknown = null
      try {
        answer = await handler(call.api, call.version, call.body, caller)
      } catch (error) {
        failure = error
      }
      if (!this.open) return
      this.#calls.shift()
      if (answer !== null) call.resolve(answer)
      else call.reject(failure instanceof KafkaError ? failure : broken(call.api, failure))
    }
    this.#working = false
    this.#deadline.cancel()
  }

  /** The oldest request has the earliest deadline: all of a channel have the same timeout. */
  #expire(): void {
    const [oldest] = this.#calls
    if (oldest === undefined) return
    const leftMs = oldest.deadlineMs - this.#options.now()
    if (leftMs > 0) this.#deadline.set(leftMs)
    else this.#end(`No answer within ${this.#options.timeoutMs} ms.`)
  }

  close(): void {
    this.#end('The connection was closed.')
  }

  #end(why: string): void {
    if (!this.open) return
    this.open = false
    this.#deadline.stop()
    for (const call of this.#calls.splice(0)) call.reject(lost(call.api, why))
    this.#options.closed(this)
  }
}

const lost = (api: string, why: string): KafkaError =>
  new KafkaError(api, 'NETWORK', `${api} to the embedded broker: ${why}`)

const broken = (api: string, cause: unknown): KafkaError =>
  new KafkaError(api, 'UNKNOWN_SERVER_ERROR', `The embedded broker failed at ${api}. This is a defect of it.`, {
    cause,
  })
