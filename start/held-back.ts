import type { Scheduler } from '../processor/ports.ts'
import type { Emission } from '../producer/emission.ts'
import type { Sink } from '../producer/sink.ts'

export interface HeldBackOptions {
  readonly sink: Sink
  readonly scheduler: Scheduler
  /** Records between producer and results: sent, or on their way between tasks, and not taken and committed yet. */
  readonly waiting: () => number
  readonly waitingMost: number
  readonly signal: AbortSignal
}

const lookAgainMs = 2

/** Does not let the producer run ahead of the processor: what waits between them waits in memory. */
export class HeldBackSink implements Sink {
  readonly #options: HeldBackOptions

  constructor(options: HeldBackOptions) {
    this.#options = options
  }

  async send(emissions: readonly Emission[]): Promise<void> {
    const { sink, scheduler, waiting, waitingMost, signal } = this.#options
    while (!signal.aborted && waiting() > waitingMost) await scheduler.sleep(lookAgainMs, signal)
    if (!signal.aborted) await sink.send(emissions)
  }

  finish(options: { readonly endMarks: boolean }): Promise<void> {
    return this.#options.sink.finish(options)
  }

  close(): Promise<void> {
    return this.#options.sink.close()
  }
}
