import { asError } from '../errors.ts'
import { type TaskPlace, taskName } from './assign/places.ts'
import { type FencingOptions, fenceFormerOwners } from './fencing.ts'
import { type OpenedTask, type OpenOptions, openTasks } from './open.ts'

export interface OpeningOptions extends OpenOptions, FencingOptions {
  readonly onDone: () => void
}

/** Tasks that are being opened while others run. */
export class Opening {
  readonly places: readonly TaskPlace[]
  readonly #cancelling = new AbortController()
  readonly #work: Promise<void>
  #opened: readonly OpenedTask[] | null = null
  #error: Error | null = null

  constructor(places: readonly TaskPlace[], options: OpeningOptions) {
    this.places = places
    this.#work = this.#run(options)
  }

  get isDone(): boolean {
    return this.#opened !== null || this.#error !== null
  }

  includes(place: TaskPlace): boolean {
    return this.places.some(other => taskName(other) === taskName(place))
  }

  /** What was opened, once it is done; throws what went wrong. Whoever takes it closes it. */
  take(): readonly OpenedTask[] {
    if (this.#error !== null) throw this.#error
    const opened = this.#opened!
    this.#opened = []
    return opened
  }

  /** Stops where it is, and closes what it has opened. What was restored so far stays on disk. */
  async cancel(): Promise<void> {
    this.#cancelling.abort()
    await this.#work
    for (const { state } of this.#opened ?? []) await state.close()
    this.#opened = []
  }

  async #run(options: OpeningOptions): Promise<void> {
    const { signal } = this.#cancelling
    try {
      await fenceFormerOwners(options, signal)
      this.#opened = signal.aborted ? [] : await openTasks(this.places, options, signal)
    } catch (error) {
      this.#error = asError(error)
    }
    options.onDone()
  }
}
