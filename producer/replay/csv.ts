import { StringDecoder } from 'node:string_decoder'

/** A row that is no CSV, with its line in the file (from 1). */
export class CsvError extends Error {
  override readonly name = 'CsvError'
  readonly line: number

  constructor(line: number, message: string) {
    super(message)
    this.line = line
  }
}

export interface CsvRow {
  readonly cells: readonly string[]
  /** The line of the file on which the row begins, from 1. */
  readonly line: number
}

/** No cell of payments is longer; a quote that is never closed must not read the whole file into memory. */
const cellMax = 1_048_576

/**
 * Splits a stream of bytes (UTF-8) into rows as RFC 4180 has it: comma, double quotes, quotes inside doubled, line
 * ends CRLF or LF. Lines without any character are left out, and so is a byte order mark.
 */
export class CsvParser {
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #line = 1
  #started = false

  /** The rows that these bytes complete. */
  push(chunk: Buffer): CsvRow[] {
    return this.#parse(this.#decoder.write(chunk), false)
  }

  /** The row that the file ends with, when its last line has no end. */
  end(): CsvRow[] {
    return this.#parse(this.#decoder.end(), true)
  }

  #parse(more: string, atEnd: boolean): CsvRow[] {
    let text = this.#rest + more
    if (!this.#started && text !== '') {
      this.#started = true
      if (text.startsWith('\ufeff')) text = text.slice(1)
    }
    const rows: CsvRow[] = []
    let at = 0
    // Looked for again only when passed: most files have no quote at all.
    let quote = text.indexOf('"')
    for (;;) {
      if (quote !== -1 && quote < at) quote = text.indexOf('"', at)
      const end = rowEnd(text, at, quote, atEnd)
      if (end === -1) break
      const row = text.slice(at, end > at && text[end - 1] === '\r' ? end - 1 : end)
      if (row !== '') rows.push({ cells: this.#split(row), line: this.#line })
      this.#line += row.includes('"') ? countLines(row) + 1 : 1
      at = end + 1
      if (at >= text.length) break
    }
    this.#rest = text.slice(at)
    if (this.#rest.length > cellMax) throw new CsvError(this.#line, `A row is longer than ${cellMax} characters.`)
    return rows
  }

  #split(row: string): string[] {
    if (!row.includes('"')) return row.split(',')
    const cells: string[] = []
    for (let at = 0; at <= row.length;) {
      if (row[at] !== '"') {
        const comma = row.indexOf(',', at)
        const end = comma === -1 ? row.length : comma
        const cell = row.slice(at, end)
        if (cell.includes('"')) throw new CsvError(this.#line, `A quote stands inside the unquoted cell ${cell}.`)
        cells.push(cell)
        at = end + 1
        continue
      }
      const close = closingQuote(row, at + 1)
      if (close === -1) throw new CsvError(this.#line, 'A quote is opened and never closed.')
      if (close + 1 < row.length && row[close + 1] !== ',') {
        throw new CsvError(this.#line, `A closing quote is followed by ${row[close + 1]!} and not by a comma.`)
      }
      cells.push(row.slice(at + 1, close).replaceAll('""', '"'))
      at = close + 2
    }
    return cells
  }
}

/** Where the row ends that begins at `from`: at its line feed, or at the end of the text; -1: not there yet. */
function rowEnd(text: string, from: number, quote: number, atEnd: boolean): number {
  let feed = text.indexOf('\n', from)
  if (quote !== -1 && (feed === -1 || quote < feed)) feed = lineFeedOutsideQuotes(text, quote)
  if (feed !== -1) return feed
  return atEnd && from < text.length ? text.length : -1
}

/** The quote that ends a quoted cell; a doubled one is part of the cell. */
function closingQuote(row: string, from: number): number {
  for (let at = row.indexOf('"', from); at !== -1; at = row.indexOf('"', at + 2)) {
    if (row[at + 1] !== '"') return at
  }
  return -1
}

/** The first line feed behind `quote` with an even number of quotes before it. */
function lineFeedOutsideQuotes(text: string, quote: number): number {
  let at = quote
  for (;;) {
    const close = text.indexOf('"', at + 1)
    if (close === -1) return -1
    const next = text.indexOf('"', close + 1)
    const feed = text.indexOf('\n', close + 1)
    if (feed === -1) return -1
    if (next === -1 || feed < next) return feed
    at = next
  }
}

function countLines(row: string): number {
  let count = 0
  for (let at = row.indexOf('\n'); at !== -1; at = row.indexOf('\n', at + 1)) count++
  return count
}
