import { createReadStream, type ReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { createGunzip } from 'node:zlib'
import type { Emission, Feed } from '../emission.ts'
import { CsvError, CsvParser, type CsvRow } from './csv.ts'
import handbook from './mappings/handbook.json' with { type: 'json' }
import sparkov from './mappings/sparkov.json' with { type: 'json' }
import { MappingError, parseMapping, type Mapping } from './mapping.ts'
import { RowError, rowMapper, type RowMapper } from './rows.ts'

/** Mappings that are chosen by the header line of a file. */
export const readyMappings: readonly Mapping[] = [parseMapping('handbook', handbook), parseMapping('sparkov', sparkov)]

/** Makes tokens of card numbers when nothing better is given. Not a secret: for public test data only. */
export const publicTokenKey = 'millrace'

export interface ReplayOptions {
  /** A CSV file, or one compressed by gzip (told by its first bytes). */
  readonly file: string
  /** Left out: chosen by the header line. */
  readonly mapping?: Mapping
  /** Key of the HMAC that replaces card numbers. */
  readonly tokenKey?: string
  /** Records are sent this long after they took place. */
  readonly transportMs?: number
  /** What to do with a row that cannot become a payment. Default: stop with a `RowError`. */
  readonly badRows?: 'stop' | 'skip'
}

export interface ReplayFeed extends Feed {
  readonly mapping: Mapping
  readonly skipped: { readonly rows: number; readonly first: string | null }
}

/**
 * Opens a file for replay and reads its header. Rejects with a `MappingError`, a `RowError` or an error of the file
 * system.
 */
export async function openReplay(options: ReplayOptions): Promise<ReplayFeed> {
  const name = basename(options.file)
  const source = rowsOf(name, await openBytes(options.file))
  try {
    const first = await source.next()
    if (first.done === true) throw new MappingError(`${name} is empty: not even a header line.`)
    const [header, ...rows] = first.value
    const mapping = options.mapping ?? chooseMapping(name, header!.cells)
    const mapper = rowMapper(mapping, header!.cells, { tokenKey: options.tokenKey ?? publicTokenKey })
    return new FileFeed({ ...options, name: `${name} as ${mapping.name}`, mapping, mapper, rows, source })
  } catch (error) {
    await source.return(undefined)
    throw error
  }
}

function chooseMapping(name: string, header: readonly string[]): Mapping {
  const found = readyMappings.find(mapping => mapping.header?.join() === header.join())
  if (found !== undefined) return found
  const known = readyMappings.map(mapping => mapping.name).join(' and ')
  throw new MappingError(
    `${name} begins with ${header.join(',')}, which is the header of no ready mapping (${known}). ` +
      'Name a mapping file with --mapping.',
  )
}

type Bytes = AsyncIterable<Buffer> & { destroy(): void }

async function openBytes(file: string): Promise<Bytes> {
  const handle = await open(file)
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0)
  const stream: ReadStream = createReadStream(file, { fd: handle, start: 0, highWaterMark: 262_144 })
  if (bytesRead < 2 || buffer[0] !== 0x1f || buffer[1] !== 0x8b) return stream
  const unpacked = createGunzip({ chunkSize: 262_144 })
  // pipe() does not carry errors over.
  stream.on('error', error => unpacked.destroy(error))
  unpacked.on('close', () => stream.destroy())
  return stream.pipe(unpacked)
}

/** Batches of rows, never empty. */
async function* rowsOf(name: string, bytes: Bytes): AsyncGenerator<CsvRow[]> {
  const parser = new CsvParser()
  try {
    for await (const chunk of bytes) {
      const rows = parser.push(chunk)
      if (rows.length > 0) yield rows
    }
    const last = parser.end()
    if (last.length > 0) yield last
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw new RowError(`${name}, line ${error.line}: ${error.message}`, { cause: error })
  } finally {
    bytes.destroy()
  }
}

interface FileFeedParts extends ReplayOptions {
  readonly name: string
  readonly mapping: Mapping
  readonly mapper: RowMapper
  /** Rows that were read with the header. */
  readonly rows: CsvRow[]
  readonly source: AsyncGenerator<CsvRow[]>
}

class FileFeed implements ReplayFeed {
  readonly name: string
  readonly total = null
  readonly mapping: Mapping
  readonly skipped: { rows: number; first: string | null } = { rows: 0, first: null }
  readonly #mapper: RowMapper
  readonly #transportMs: number
  readonly #skips: boolean
  readonly #source: AsyncGenerator<CsvRow[]>
  #rows: CsvRow[]
  #at = 0
  /** Rows with data taken so far. */
  #number = 0

  constructor(parts: FileFeedParts) {
    this.name = parts.name
    this.mapping = parts.mapping
    this.#mapper = parts.mapper
    this.#transportMs = parts.transportMs ?? 0
    this.#skips = parts.badRows === 'skip'
    this.#source = parts.source
    this.#rows = parts.rows
  }

  async pull(max: number): Promise<readonly Emission[]> {
    const batch: Emission[] = []
    while (batch.length < max) {
      if (this.#at >= this.#rows.length && !(await this.#more())) break
      const row = this.#rows[this.#at++]!
      const emission = this.#emission(row, ++this.#number)
      if (emission !== null) batch.push(emission)
    }
    return batch
  }

  async close(): Promise<void> {
    await this.#source.return(undefined)
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next()
    if (next.done === true) return false
    this.#rows = next.value
    this.#at = 0
    return true
  }

  #emission(row: CsvRow, number: number): Emission | null {
    try {
      const payment = this.#mapper.payment(row, number)
      return {
        payment,
        damage: null,
        key: payment.customerId,
        timestamp: payment.eventTime + this.#transportMs,
        partitionHint: number,
        label: this.#mapper.label(row, number),
        expect: null,
      }
    } catch (error) {
      if (!(error instanceof RowError)) throw error
      const message = `${this.name}, ${error.message}`
      if (!this.#skips) throw new RowError(`${message}. Skip such rows with --skip-bad-rows.`, { cause: error })
      this.skipped.rows++
      this.skipped.first ??= message
      return null
    }
  }
}
