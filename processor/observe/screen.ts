import { coloured, plain, type Style } from './summary.ts'
import { fit } from './text.ts'

/** Where text goes: a terminal, a file, a pipe. */
export interface Output {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
}

const hideCursor = '\u001b[?25l'
const showCursor = '\u001b[?25h'
// A terminal that knows it shows a frame at once (synchronised output); others ignore it.
const beginFrame = '\u001b[?2026h'
const endFrame = '\u001b[?2026l'
const clearLine = '\u001b[K'
const clearBelow = '\u001b[J'

/**
 * Lines at the bottom of a terminal that are drawn over in place. One write a frame, and only line ends are cleared, so
 * nothing flickers.
 */
export class Screen {
  readonly #output: Output
  readonly style: Style
  #drawn = 0
  #frame: readonly string[] = []

  constructor(output: Output, colours: boolean) {
    this.#output = output
    this.style = colours ? coloured : plain
  }

  /** Draws the lines over those of the last frame. What the terminal has no room for is left out. */
  draw(lines: readonly string[]): void {
    const { columns = 80, rows = 24 } = this.#output
    const frame = lines.slice(0, Math.max(1, rows - 1)).map(line => fit(line, columns))
    this.#frame = frame
    this.#output.write(`${beginFrame}${hideCursor}${this.#home()}${body(frame)}${clearBelow}${endFrame}`)
    this.#drawn = frame.length
  }

  /** A line that stays, above the frame. */
  above(text: string): void {
    this.#output.write(`${beginFrame}${this.#home()}${clearBelow}${text}\n${body(this.#frame)}${endFrame}`)
    this.#drawn = this.#frame.length
  }

  /** Leaves the last frame where it is, and gives the cursor back. */
  end(): void {
    this.#output.write(showCursor)
    this.#drawn = 0
    this.#frame = []
  }

  #home(): string {
    return this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A\r`
  }
}

const body = (frame: readonly string[]): string => frame.map(line => `${line}${clearLine}\n`).join('')
