import type { World } from '../ports.ts'
import { type Figures, figuresOf } from './figures.ts'
import { Meter } from './meter.ts'
import type { OutcomeReader } from './outcomes.ts'
import type { Read } from './readings.ts'
import { type Output, Screen } from './screen.ts'
import { finalLines, plain, summaryLine, summaryLines, type SummaryView } from './summary.ts'

export interface LiveSummaryOptions {
  readonly world: World
  readonly output: Output
  readonly title: string
  readonly feed: string | null
  readonly url: string | null
  readonly read: Read
  readonly rssBytes: () => number
  /** Whether a terminal may be coloured (NO_COLOR). */
  readonly colours: boolean
}

const drawMs = 500
const lineMs = 5000

/** Shows how a run is doing: in place on a terminal, as a line every few seconds elsewhere. */
export class LiveSummary {
  readonly #options: LiveSummaryOptions
  readonly #meter: Meter
  readonly #screen: Screen | null
  #reader: OutcomeReader | null = null

  constructor(options: LiveSummaryOptions) {
    this.#options = options
    this.#meter = new Meter(options.world.clock)
    this.#screen = options.output.isTTY === true ? new Screen(options.output, options.colours) : null
  }

  /** A commit took this long. */
  committed(seconds: number): void {
    this.#meter.committed(seconds)
  }

  /** A line that stays: of the log, or of what happens. */
  say(line: string): void {
    if (this.#screen !== null) this.#screen.above(line)
    else this.#options.output.write(`${line}\n`)
  }

  /**
   * Counts outcomes and shows them until `signal` is aborted. `onTurn` is called each time something may have changed.
   * A terminal also sees how the start is getting on: `reader` is asked for when the output topics are there.
   */
  async run(
    reader: OutcomeReader | null,
    signal: AbortSignal,
    onTurn: () => Promise<void> = async () => undefined,
  ): Promise<void> {
    const { clock, scheduler } = this.#options.world
    this.#reader = reader ?? this.#reader
    const everyMs = this.#screen === null ? lineMs : drawMs
    let shownMs = this.#screen === null ? clock.monotonic() : -Infinity
    while (!signal.aborted) {
      if (clock.monotonic() - shownMs >= everyMs) {
        shownMs = clock.monotonic()
        this.show()
      }
      const leftMs = Math.max(1, Math.min(drawMs, everyMs - (clock.monotonic() - shownMs)))
      if (reader === null) await scheduler.sleep(leftMs, signal)
      else await reader.poll(leftMs)
      await onTurn()
    }
  }

  show(): void {
    const view = this.#view()
    if (this.#screen === null) this.#options.output.write(`${summaryLine(view)}\n`)
    else this.#screen.draw(summaryLines(view, this.#screen.style))
  }

  /** Leaves the last frame, and writes what it all came to. */
  end(figures: Figures, seconds: number): void {
    if (this.#screen !== null) {
      this.show()
      this.#screen.end()
    }
    const style = this.#screen?.style ?? plain
    this.#options.output.write(`\n${finalLines(figures, seconds, style).join('\n')}\n`)
  }

  /** Gives the terminal back without a final summary. */
  leave(): void {
    this.#screen?.end()
  }

  #view(): SummaryView {
    const { title, feed, url, read, rssBytes } = this.#options
    const readings = read()
    const figures = figuresOf(readings, this.#reader?.outcomes ?? null)
    const stateSize = { entries: 0, cacheBytes: 0, pendingBytes: 0 }
    let lagRecords = 0
    let streamTimeMs = -1
    for (const { state, sources, streamTimeMs: timeMs } of readings.tasks) {
      stateSize.entries += state.entries
      stateSize.cacheBytes += state.cacheBytes
      stateSize.pendingBytes += state.pendingBytes
      for (const source of sources) lagRecords += source.lagRecords
      if (Number.isFinite(timeMs)) streamTimeMs = Math.max(streamTimeMs, timeMs)
    }
    return {
      title,
      feed,
      url,
      state: readings.state,
      elapsedSeconds: this.#meter.elapsedSeconds,
      figures,
      ...this.#meter.rates(figures.payments, figures.alerts),
      lagRecords,
      streamTimeMs,
      commitMs: this.#meter.commitMs,
      stateSize,
      rssBytes: rssBytes(),
      restore: readings.restore,
    }
  }
}
