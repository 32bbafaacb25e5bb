import { asError } from '../errors.ts'
import { type TaskPlace, taskName } from './assign/places.ts'
import type { Copies } from './copies.ts'
import type { Copy } from './copy.ts'
import { type FencingOptions, fenceFormerOwners } from './fencing.ts'
import { inputPositions, openCopies, type OpenedTask, type OpenOptions, restoreCopies } from './open.ts'

export interface OpeningOptions extends OpenOptions, FencingOptions {
  readonly copies: Copies
  /** There is something to take, or it has come to its end. */
  readonly onNews: () => void
}

/** Tasks that are being opened while others run; each can be taken when it is ready. */
export class Opening {
  readonly places: readonly TaskPlace[]
  readonly #options: OpeningOptions
  readonly #cancelling = new AbortController()
  readonly #work: Promise<void>
  readonly #ready: OpenedTask[] = []
  /** Open, and not ready. */
  readonly #copies = new Set<Copy>()
  #error: Error | null = null
  isDone = false

  constructor(places: readonly TaskPlace[], options: OpeningOptions) {
    this.places = places
    this.#options = options
    this.#work = this.#run()
  }

  includes(place: TaskPlace): boolean {
    return this.places.some(other => taskName(other) === taskName(place))
  }

  /** What is ready by now. Whoever takes it closes it. */
  take(): readonly OpenedTask[] {
    return this.#ready.splice(0)
  }

  /** Those that are not ready. */
  unfinished(): readonly Copy[] {
    return [...this.#copies]
  }

  /** What went wrong. */
  get error(): Error | null {
    return this.#error
  }

  /** Stops where it is, and closes what was not taken. What was restored so far stays on disk. */
  async cancel(): Promise<void> {
    this.#cancelling.abort()
    await this.#close()
    await this.#work
    for (const { place, state } of this.#ready.splice(0)) {
      await state.close()
      this.#options.copies.closed(place, state)
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#cancelling
    try {
      await fenceFormerOwners(this.#options, signal)
      if (!signal.aborted) await this.#open()
    } catch (error) {
      this.#error = asError(error)
    }
    await this.#close()
    this.isDone = true
    this.#options.onNews()
  }

  async #open(): Promise<void> {
    const { signal } = this.#cancelling
    const missing: TaskPlace[] = []
    for (const place of this.places) {
      const copy = await this.#options.copies.take(place)
      if (copy === null) missing.push(place)
      else this.#copies.add(copy)
    }
    for (const copy of await openCopies(missing, this.#options)) this.#copies.add(copy)
    if (signal.aborted) return
    const restored: Copy[] = []
    let news = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => news.resolve())
    const all = restoreCopies([...this.#copies], this.#options, copy => {
      restored.push(copy)
      news.resolve()
    })
    // What goes wrong when nobody waits for it any more is nobody's concern.
    all.catch(() => undefined)
    while (this.#copies.size > 0 && !signal.aborted) {
      await Promise.race([news.promise, all])
      news = Promise.withResolvers()
      await this.#finish(restored.splice(0))
    }
  }

  /** Those that came to their end at the same time are looked up at once. */
  async #finish(restored: readonly Copy[]): Promise<void> {
    const { signal } = this.#cancelling
    const positions = await inputPositions(
      restored.map(({ place }) => place),
      this.#options,
      signal,
    )
    if (signal.aborted) return
    for (const copy of restored) {
      const { place, state } = copy
      this.#options.changelogs.remove(copy)
      this.#copies.delete(copy)
      this.#ready.push({ place, state, positions: positions(place) })
    }
    this.#options.onNews()
  }

  async #close(): Promise<void> {
    for (const copy of this.#copies) {
      this.#copies.delete(copy)
      this.#options.changelogs.remove(copy)
      await copy.state.close()
      this.#options.copies.closed(copy.place, copy.state)
    }
  }
}
