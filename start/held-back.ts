import type { Scheduler } from '../processor/ports.ts'
import type { Emission } from '../producer/emission.ts'
import type { Sink } from '../producer/sink.ts'

export interface HeldBackOptions {
  readonly sink: Sink
  readonly scheduler: Scheduler
  /** Payments whose processing is committed. */
  readonly processed: () => number
  /** Payments that may be sent and not processed yet. */
  readonly aheadMost: number
  readonly signal: AbortSignal
}

const lookAgainMs = 2

/** Does not let the producer run ahead of the processor: what waits between them waits in memory. */
export class HeldBackSink implements Sink {
  readonly #options: HeldBackOptions
  #sent = 0

  constructor(options: HeldBackOptions) {
    this.#options = options
  }

  async send(emissions: readonly Emission[]): Promise<void> {
    const { sink, scheduler, processed, aheadMost, signal } = this.#options
    while (!signal.aborted && this.#sent + emissions.length - processed() > aheadMost)
      await scheduler.sleep(lookAgainMs, signal)
    if (signal.aborted) return
    await sink.send(emissions)
    this.#sent += emissions.length
  }

  finish(options: { readonly endMarks: boolean }): Promise<void> {
    return this.#options.sink.finish(options)
  }

  close(): Promise<void> {
    return this.#options.sink.close()
  }
}
