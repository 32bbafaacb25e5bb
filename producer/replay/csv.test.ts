import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { CsvParser, type CsvRow } from './csv.ts'

function parse(text: string, chunkSize = text.length + 4): CsvRow[] {
  const parser = new CsvParser()
  const bytes = Buffer.from(text)
  const rows: CsvRow[] = []
  for (let at = 0; at < bytes.length; at += chunkSize) rows.push(...parser.push(bytes.subarray(at, at + chunkSize)))
  return [...rows, ...parser.end()]
}

const cells = (text: string): (readonly string[])[] => parse(text).map(row => row.cells)

test('plain rows, with either line end, and a last line without one', () => {
  expect(cells('a,b\r\n1,2\n3,')).toEqual([
    ['a', 'b'],
    ['1', '2'],
    ['3', ''],
  ])
})

test('quotes hold commas, quotes and line feeds', () => {
  expect(cells('"a,b","say ""hi""","two\nlines"\n"",x,""\n')).toEqual([
    ['a,b', 'say "hi"', 'two\nlines'],
    ['', 'x', ''],
  ])
})

test('a row ends with an empty cell when it ends with a comma, quoted or not', () => {
  expect(cells('"a",\nb,\n')).toEqual([
    ['a', ''],
    ['b', ''],
  ])
})

test('empty lines and a byte order mark are left out; lines are counted in the file', () => {
  expect(parse('\ufeffa\n\n"x\ny"\nb\n')).toEqual([
    { cells: ['a'], line: 1 },
    { cells: ['x\ny'], line: 3 },
    { cells: ['b'], line: 5 },
  ])
})

test('it makes no difference where the bytes are cut', () => {
  const text = 'käse,"a ""quoted"" one"\r\n"two\r\nlines",€\r\n\r\nlast,"row"'
  const whole = parse(text)
  expect(whole.length).toBe(3)
  for (let size = 1; size < 20; size++) expect(parse(text, size), `chunks of ${size}`).toEqual(whole)
})

test.for([
  ['a\n"b"c,d\n', 2, 'A closing quote is followed by c and not by a comma.'],
  ['a"b,c\nd"\n', 1, 'A quote stands inside the unquoted cell a"b.'],
  ['a\nb\n"c,d\n', 3, 'A quote is opened and never closed.'],
] as const)('%j is no CSV', ([text, line, message]) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ line, message }))
})

test('a quote that is never closed does not swallow the file', () => {
  const parser = new CsvParser()
  parser.push(Buffer.from('a,"b\n'))
  expect(() => {
    for (let i = 0; i < 20; i++) parser.push(Buffer.alloc(100_000, 'x\n'))
  }).toThrow('A row is longer than 1048576 characters.')
})
