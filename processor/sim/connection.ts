import { Buffer } from 'node:buffer'
import { KafkaError } from '../kafka/native/protocol/errors.ts'
import type { Channel } from '../ports.ts'
import { type Machine, never } from './machine.ts'

/** What becomes of one message, when a fault is meant for it. */
export interface Mishap {
  readonly kind: 'request lost' | 'answer lost' | 'request late' | 'answer late'
  /** Of what is late. */
  readonly ms: number
  /** What is lost takes its connection with it: at once, or nothing is heard any more until the time is over. */
  readonly hangs: boolean
}

export interface Message {
  readonly api: string
  readonly version: number
  readonly body: object
  readonly mishap: Mishap | null
  /** Nobody waits for the answer any more. */
  isGivenUp: boolean
  readonly deadlineUs: number
  readonly resolve: (answer: object) => void
  readonly reject: (error: unknown) => void
}

/** The network between one process and the broker, as its connections see it. */
export interface Line {
  /** Nothing passes in this direction for now; what is under way waits. */
  readonly isCutThere: boolean
  readonly isCutBack: boolean
  delayMs(): number
  mishap(api: string): Mishap | null
  /** An answer in the broker's place, when it is to refuse. */
  refusal(api: string, version: number, body: object): object | null
  traced(what: string, message: Message, answer?: object): void
  closed(connection: Connection): void
}

/**
 * A connection over the simulated network. Messages arrive in order in each direction, late; when the connection is
 * lost, what was sent before may still arrive, and nobody hears what became of it.
 */
export class Connection implements Channel {
  readonly #machine: Machine
  readonly #line: Line
  readonly #server: Channel
  readonly #timeoutMs: number
  readonly #waiting: Message[] = []
  /** Held back while the line is cut. */
  readonly #stalledThere: (() => void)[] = []
  readonly #stalledBack: (() => void)[] = []
  #thereUs = 0
  #backUs = 0
  #isDeaf = false
  #isWatching = false
  #turn: Promise<void> = Promise.resolve()
  open = true

  constructor(machine: Machine, line: Line, server: Channel, timeoutMs: number) {
    this.#machine = machine
    this.#line = line
    this.#server = server
    this.#timeoutMs = timeoutMs
  }

  request<Answer>(api: string, version: number, body: object): Promise<Answer> {
    const machine = this.#machine
    if (!machine.crossing(`send ${api}`)) return never()
    if (!this.open) return Promise.reject(lost(api, 'it is closed'))
    const answering = new Promise<object>((resolve, reject) => {
      const deadlineUs = machine.timeline.nowUs + this.#timeoutMs * 1000
      const mishap = this.#line.mishap(api)
      const message = { api, version, body: copied(body), mishap, isGivenUp: false, deadlineUs, resolve, reject }
      this.#waiting.push(message)
      this.#send(message)
      if (!this.#isWatching) this.#watch()
    })
    machine.crossing(`sent ${api}`)
    return answering as Promise<Answer>
  }

  close(): void {
    if (!this.open) return
    this.#end(api => lost(api, 'this side closed it'))
    this.#hangUp()
  }

  /** The process is gone: its kernel closes the connection. */
  abandon(): void {
    if (!this.open) return
    this.open = false
    for (const message of this.#waiting) message.isGivenUp = true
    this.#hangUp()
  }

  /** The other side, or the network, has ended it: the process hears so after a while. */
  reset(): void {
    if (this.#server.open) this.#server.close()
    this.#machine.after(this.#line.delayMs(), () => this.#end(api => lost(api, 'it was reset')))
  }

  /** Something on it is lost or late: left alone, it would be noticed by a timeout only. */
  get isAiling(): boolean {
    return this.#isDeaf || this.#waiting.some(({ mishap }) => mishap !== null)
  }

  /** What was held back goes on its way. */
  flow(): void {
    if (!this.#line.isCutThere) for (const act of this.#stalledThere.splice(0)) act()
    if (!this.#line.isCutBack) for (const act of this.#stalledBack.splice(0)) act()
  }

  #hangUp(): void {
    this.#there(0, () => {
      if (this.#server.open) this.#server.close()
      this.#line.closed(this)
    })
  }

  #there(extraMs: number, arrive: () => void): void {
    const { timeline } = this.#machine
    this.#thereUs = Math.max(this.#thereUs, timeline.nowUs + (this.#line.delayMs() + extraMs) * 1000)
    const act = (): void => {
      if (this.#line.isCutThere) this.#stalledThere.push(act)
      else arrive()
    }
    timeline.at(this.#thereUs, act)
  }

  #back(extraMs: number, arrive: () => void): void {
    const { timeline } = this.#machine
    this.#backUs = Math.max(this.#backUs, timeline.nowUs + (this.#line.delayMs() + extraMs) * 1000)
    const act = (): void => {
      if (this.#line.isCutBack) this.#stalledBack.push(act)
      else arrive()
    }
    timeline.at(this.#backUs, act)
  }

  #send(message: Message): void {
    const { mishap } = message
    this.#there(mishap?.kind === 'request late' ? mishap.ms : 0, () => {
      if (this.#isDeaf) return
      if (mishap?.kind === 'request lost') this.#lose(message, mishap)
      else this.#turn = this.#turn.then(() => this.#handle(message))
    })
  }

  /** As a broker's socket: one request after the other. */
  async #handle(message: Message): Promise<void> {
    const { api, version, body } = message
    if (this.#isDeaf) return
    if (!this.#server.open) return this.reset()
    this.#line.traced(message.isGivenUp ? '>> too late' : '>>', message)
    try {
      const answer = this.#line.refusal(api, version, body) ?? (await this.#server.request<object>(api, version, body))
      this.#answered(message, answer)
    } catch (error) {
      if (error instanceof KafkaError && error.error === 'NETWORK') this.reset()
      else this.#machine.after(this.#line.delayMs(), () => message.reject(error))
    }
  }

  #answered(message: Message, answer: object): void {
    const { mishap } = message
    this.#line.traced('<<', message, answer)
    this.#back(mishap?.kind === 'answer late' ? mishap.ms : 0, () => {
      if (this.#isDeaf) return
      if (mishap?.kind === 'answer lost') this.#lose(message, mishap)
      else this.#machine.deliver(() => this.#settle(message, answer))
    })
  }

  #settle(message: Message, answer: object): void {
    const index = this.#waiting.indexOf(message)
    if (index < 0) return
    this.#waiting.splice(index, 1)
    message.resolve(answer)
  }

  #lose(message: Message, { kind, hangs }: Mishap): void {
    this.#line.traced(`!! ${kind}${hangs ? ', and nothing is heard any more' : ''}`, message)
    this.#isDeaf = true
    if (!hangs) this.reset()
  }

  /** One look ahead for all: answers come in order, so the oldest request is the first that can be late. */
  #watch(): void {
    const { timeline } = this.#machine
    const [oldest] = this.#waiting
    this.#isWatching = oldest !== undefined && this.open
    if (oldest === undefined || !this.open) return
    this.#machine.after((oldest.deadlineUs - timeline.nowUs) / 1000, () => {
      const [first] = this.#waiting
      if (this.open && first !== undefined && first.deadlineUs <= timeline.nowUs) {
        this.#end(api => new KafkaError(api, 'TIMEOUT', `The broker did not answer ${first.api} in time.`))
        this.#hangUp()
      }
      this.#watch()
    })
  }

  #end(why: (api: string) => KafkaError): void {
    if (!this.open) return
    this.open = false
    this.#line.closed(this)
    for (const message of this.#waiting.splice(0)) {
      message.isGivenUp = true
      message.reject(why(message.api))
    }
  }
}

const lost = (api: string, why: string): KafkaError =>
  new KafkaError(api, 'NETWORK', `The connection was lost before the answer to ${api}: ${why}.`)

/** As the wire does: what the sender does with its buffers later changes nothing. */
export function copied<T>(value: T): T {
  if (Buffer.isBuffer(value)) return Buffer.from(value) as T
  if (Array.isArray(value)) return value.map(copied) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, copied(each)])) as T
}
