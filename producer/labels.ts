import type { PaymentLabel } from '../schemas/payments/types.ts'
import type { Emission } from './emission.ts'
import { TimeQueue } from './queue.ts'

/** Keeps labels back until they are due: the truth about a payment becomes known some time after it. */
export class LabelQueue {
  readonly #delayMs: number
  readonly #queue = new TimeQueue<PaymentLabel>()

  constructor(delayMs: number) {
    this.#delayMs = delayMs
  }

  /** How many are kept back. */
  get size(): number {
    return this.#queue.size
  }

  add({ payment, label }: Emission): void {
    if (label === null) return
    const labelTime = payment.eventTime + this.#delayMs
    this.#queue.add(labelTime, {
      paymentId: payment.paymentId,
      customerId: payment.customerId,
      merchantId: payment.merchantId,
      eventTime: payment.eventTime,
      labelTime,
      amountMinor: payment.amountMinor,
      fraud: label.fraud,
      scenario: label.scenario,
      episodeId: label.episodeId,
      source: label.source,
    })
  }

  /** The labels that are due at a sending time, earliest first. Labels of an instant come before its payments. */
  *due(time: number): Generator<PaymentLabel> {
    while (this.#queue.size > 0 && this.#queue.nextTime <= time) yield this.#queue.take()!
  }
}
