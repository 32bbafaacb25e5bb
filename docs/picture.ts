import { readFileSync } from 'node:fs'

// Draws what a terminal shows as SVG: `node docs/picture.ts FILE > picture.svg`. FILE holds the text as it was written
// to the terminal; of a screen that was drawn over in place, the last frame is taken.

const escape = '\u001b'
const fontSize = 14
const lineHeight = 19
const columnWidth = 8.43
const padding = 18

interface Span {
  readonly text: string
  readonly style: 'plain' | 'bold' | 'dim'
}

const styles: Readonly<Record<string, Span['style']>> = { '0': 'plain', '1': 'bold', '2': 'dim' }

/** The lines of the last frame: what follows the last cursor movement. */
function lastFrame(text: string): string[] {
  const frame = text.split(new RegExp(`${escape}\\[\\d+A\\r?`)).at(-1)!
  return frame
    .replaceAll(new RegExp(`${escape}\\[(?:\\?\\d+[hl]|K|J)`, 'g'), '')
    .replaceAll('\r', '')
    .trim()
    .split('\n')
}

function spansOf(line: string): Span[] {
  let style: Span['style'] = 'plain'
  const spans: Span[] = []
  for (const [index, part] of line.split(new RegExp(`${escape}\\[(\\d+)m`)).entries()) {
    if (index % 2 === 1) style = styles[part] ?? 'plain'
    else if (part !== '') spans.push({ text: part, style })
  }
  return spans
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

function drawn(line: string, row: number): string {
  let column = 0
  const spans = spansOf(line).map(({ text, style }) => {
    const x = padding + column * columnWidth
    column += text.length
    // Each run of characters is pinned to its columns, whatever font there is.
    const length = (text.length * columnWidth).toFixed(1)
    return `<tspan class="${style}" x="${x.toFixed(1)}" textLength="${length}" lengthAdjust="spacingAndGlyphs">${escaped(text)}</tspan>`
  })
  return `<text xml:space="preserve" y="${padding + (row + 1) * lineHeight - 5}">${spans.join('')}</text>`
}

function picture(lines: readonly string[]): string {
  const columns = Math.max(...lines.map(line => spansOf(line).reduce((sum, { text }) => sum + text.length, 0)))
  const width = Math.ceil(columns * columnWidth + 2 * padding)
  const height = lines.length * lineHeight + 2 * padding
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    '<style>',
    `text { font: ${fontSize}px ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: #d8dee9; }`,
    '.bold { font-weight: bold; fill: #ffffff; } .dim { fill: #88a0b8; }',
    '</style>',
    `<rect width="${width}" height="${height}" rx="8" fill="#1b222c"/>`,
    ...lines.map(drawn),
    '</svg>',
    '',
  ].join('\n')
}

const [file] = process.argv.slice(2)
if (file === undefined) throw new Error('Usage: node docs/picture.ts FILE > picture.svg')
process.stdout.write(picture(lastFrame(readFileSync(file, 'utf8'))))
