import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'

// A golden: a case for a topology of Kafka Streams, and what the original gave. One JSON object on a line.

export type Step =
  | {
      readonly topic: string
      readonly key: string | null
      readonly value: string | null
      readonly ts: number
      readonly headers?: readonly (readonly [name: string, value: string])[]
    }
  /** Moves the wall clock. */
  | { readonly wall: number }

/** `[step, topic, key, value, timestamp, headers?]`; a windowed key reads `key@start/end`. */
export type Row = readonly [
  step: number,
  topic: string,
  key: string | null,
  value: string | null,
  timestamp: number,
  headers?: readonly (readonly [string, string])[],
]

export type ParamValue = string | number | boolean

export interface Case {
  readonly id: string
  readonly topology: string
  readonly params: Readonly<Record<string, ParamValue>>
  readonly steps: readonly Step[]
}

export interface Result {
  readonly out: readonly Row[]
  /** Records, or their parts in windows, that were not taken. */
  readonly dropped?: number
  readonly error?: string
  readonly errorStep?: number
}

export interface Golden extends Case, Result {
  readonly note?: string
  /** What differs with RocksDB stores, Kafka Streams' default. */
  readonly rocksdb?: Pick<Result, 'dropped'> & { readonly out?: readonly Row[] }
  /** Known defects of the original that the case shows. */
  readonly tags?: readonly string[]
}

/** What the original does with its default stores. */
export const expectedOf = ({ rocksdb, ...golden }: Golden): Result => ({ ...golden, ...rocksdb })

const compressed = /\.jsonl\.br$/
const endings = /\.jsonl(\.br)?$/

export interface GoldenFile {
  readonly name: string
  readonly cases: readonly Golden[]
}

/** The goldens of a file, or of every file of a folder that ends in `.jsonl` or `.jsonl.br`. */
export function readGoldens(path: string): GoldenFile[] {
  if (!statSync(path).isDirectory()) return [readGoldenFile(path)]
  const names = readdirSync(path).filter(name => endings.test(name))
  if (names.length === 0) throw new Error(`${path} holds no file that ends in .jsonl or .jsonl.br.`)
  return names.toSorted().map(name => readGoldenFile(join(path, name)))
}

function readGoldenFile(path: string): GoldenFile {
  const bytes = readFileSync(path)
  const text = (compressed.test(path) ? brotliDecompressSync(bytes) : bytes).toString()
  return { name: basename(path).replace(endings, ''), cases: parseGoldens(text, path) }
}

export const parseGoldens = (text: string, where: string): Golden[] =>
  text.split('\n').flatMap((line, index) => (line.trim() === '' ? [] : [parse(line, `${where}:${index + 1}`)]))

function parse(line: string, where: string): Golden {
  let golden: Golden
  try {
    golden = JSON.parse(line) as Golden
  } catch (cause) {
    throw new Error(`${where} is no JSON: ${(cause as Error).message}`, { cause })
  }
  for (const field of ['id', 'topology', 'steps', 'out'] as const) {
    if (golden[field] === undefined) throw new Error(`${where} has no '${field}'.`)
  }
  return { ...golden, params: golden.params ?? {} }
}
