import { expect, test } from 'vitest'
import { type Output, Screen } from './screen.ts'
import { bar, bytesText, durationText, fit, instantText, printable } from './text.ts'

const escape = '\u001b'
const pieces = new RegExp(`(${escape}\\[[?0-9]*[A-Za-z]|\\r)|([^${escape}\\r\\n]+)|(\\n)`, 'g')

/** What a terminal shows after what was written to it: enough of one for what the screen does. */
class Terminal implements Output {
  readonly isTTY = true
  columns = 20
  rows = 5
  readonly lines: string[] = ['']
  #row = 0
  writes = 0

  write(text: string): void {
    this.writes++
    for (const [, control, line, end] of text.matchAll(pieces)) {
      if (control !== undefined) this.#control(control)
      else if (line !== undefined) this.lines[this.#row] = line
      else if (end !== undefined && ++this.#row === this.lines.length) this.lines.push('')
    }
  }

  #control(control: string): void {
    const up = new RegExp(`^${escape}\\[(\\d+)A$`).exec(control)
    if (up !== null) this.#row -= Number(up[1])
    else if (control === '\u001b[J') this.lines.splice(this.#row, Infinity, '')
  }
}

test('frames are drawn over in place, each in one write', () => {
  const terminal = new Terminal()
  const screen = new Screen(terminal, false)
  screen.draw(['a 1', 'b 1', 'c 1'])
  screen.draw(['a 2', 'b 2'])
  expect(terminal.lines).toEqual(['a 2', 'b 2', ''])
  expect(terminal.writes).toBe(2)
})

test('a line above stays, and the frame goes on below it', () => {
  const terminal = new Terminal()
  const screen = new Screen(terminal, false)
  screen.draw(['a 1', 'b 1'])
  screen.above('a warning')
  screen.draw(['a 2', 'b 2'])
  expect(terminal.lines).toEqual(['a warning', 'a 2', 'b 2', ''])
  screen.end()
  screen.draw(['new'])
  expect(terminal.lines).toEqual(['a warning', 'a 2', 'b 2', 'new', ''])
})

test('what does not fit is cut: a wrapped line would leave rubbish behind', () => {
  const terminal = new Terminal()
  new Screen(terminal, false).draw(['x'.repeat(30), '2', '3', '4', '5', '6'])
  expect(terminal.lines).toEqual(['x'.repeat(20), '2', '3', '4', ''])
})

test('colours take no columns, and are ended where a line is cut', () => {
  expect(fit('\u001b[1mbold\u001b[0m and', 6)).toBe('\u001b[1mbold\u001b[0m a\u001b[0m')
  expect(fit('abc', 3)).toBe('abc')
  expect(fit('\u001b[1mabc\u001b[0m', 3)).toBe('\u001b[1mabc\u001b[0m')
})

test('numbers for people', () => {
  expect([0, 999, 1000, 12_345, 999_600, 5_432_100_000].map(bytesText)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '12.3 kB',
    '1.0 MB',
    '5.4 GB',
  ])
  expect([0, 59.9, 61, 3661].map(durationText)).toEqual(['0:00', '0:59', '1:01', '1:01:01'])
  expect([-1, 0, Infinity].map(instantText)).toEqual(['-', '1970-01-01 00:00:00', '-'])
  expect([bar(0, 4), bar(0.5, 4), bar(2, 4)]).toEqual(['░░░░', '██░░', '████'])
  expect(printable('a\nb\u001b[31m\u009b')).toBe('a\\x0ab\\x1b[31m\\x9b')
})
