import { asError } from '../errors.ts'
import type { Kafka } from '../ports.ts'
import { type TaskPlace, taskName } from './assign/places.ts'
import { type OpenedTask, type OpenOptions, openTasks } from './open.ts'

export interface OpeningOptions extends OpenOptions {
  readonly transactionTimeoutMs: number
  /** Transactional ids of former owners that are in the group no more. */
  readonly formerOwners: { readonly ids: readonly string[]; readonly done: () => void }
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
      await fenceAll(options.formerOwners.ids, options, signal)
      options.formerOwners.done()
      this.#opened = signal.aborted ? [] : await openTasks(this.places, options, signal)
    } catch (error) {
      this.#error = asError(error)
    }
    options.onDone()
  }
}

/**
 * Ends what members that vanished have left open, before anything is asked for that depends on it: their transactions
 * would hide committed offsets, and hold back the end of the changelogs, until their timeout (rule C10; Kafka's own
 * `Admin.fenceProducers` does the same).
 */
export async function fenceAll(
  transactionalIds: readonly string[],
  options: { readonly kafka: Kafka; readonly transactionTimeoutMs: number } & Pick<OpenOptions, 'world'>,
  signal: AbortSignal,
): Promise<void> {
  const { kafka, transactionTimeoutMs, world } = options
  const fence = async (transactionalId: string): Promise<void> => {
    const producer = kafka.producer({ transactionalId, transactionTimeoutMs })
    const close = (): void => void producer.close()
    signal.addEventListener('abort', close)
    try {
      await producer.init()
      world.log.info({ transactionalId }, 'fenced a worker that is gone: what it had not committed is aborted')
    } finally {
      signal.removeEventListener('abort', close)
      await producer.close()
    }
  }
  await Promise.all(transactionalIds.map(fence))
}
