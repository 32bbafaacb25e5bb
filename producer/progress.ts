import type { PumpProgress } from './pump.ts'

/** Where progress is shown: standard error. */
export interface ProgressStream {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const terminalEveryMs = 500
const plainEveryMs = 5000

/** Shows how far a pump is: one line that is written over on a terminal, a line every five seconds elsewhere. */
export class ProgressLine {
  readonly #stream: ProgressStream
  readonly #total: number | null
  readonly #everyMs: number
  #last: PumpProgress = { records: 0, elapsedMs: 0 }

  constructor(stream: ProgressStream, total: number | null) {
    this.#stream = stream
    this.#total = total
    this.#everyMs = stream.isTTY === true ? terminalEveryMs : plainEveryMs
  }

  update(progress: PumpProgress): void {
    const sinceMs = progress.elapsedMs - this.#last.elapsedMs
    if (sinceMs < this.#everyMs) return
    const rate = perSecond(progress.records - this.#last.records, sinceMs)
    const share = this.#total === null ? '' : ` of ${number(this.#total)}`
    this.#write(`${number(progress.records)}${share} records, ${rate}/s`)
    this.#last = progress
  }

  end({ records, elapsedMs }: PumpProgress, complete: boolean): void {
    const rate = perSecond(records, elapsedMs)
    const ending = complete ? '.' : ', then stopped.'
    this.#write(`Sent ${number(records)} records in ${(elapsedMs / 1000).toFixed(1)} s (${rate}/s)${ending}`)
    if (this.#stream.isTTY === true) this.#stream.write('\n')
  }

  #write(line: string): void {
    // Back to the start of the line, and clear what is behind.
    this.#stream.write(this.#stream.isTTY === true ? `\r${line}\u001b[K` : `${line}\n`)
  }
}

const number = (value: number): string => value.toLocaleString('en-US')
const perSecond = (records: number, ms: number): string => number(ms > 0 ? Math.round((records / ms) * 1000) : 0)
