import { readFile } from 'node:fs/promises'
import { sourceFeed, type Emission, type Feed } from './emission.ts'
import { drill } from './profiles/drill.ts'
import { Millrace, type MillraceOptions } from './profiles/millrace.ts'
import { openReplay, type ReplayFeed } from './replay/feed.ts'
import { MappingError, parseMapping, type Mapping } from './replay/mapping.ts'

export const profiles = ['millrace', 'drill'] as const
export type Profile = (typeof profiles)[number]

/** Where payments come from: a profile, or a file. */
export interface FeedOptions {
  /** Default: millrace. Left out with `replay`. */
  readonly profile?: Profile
  readonly replay?: {
    readonly file: string
    /** A JSON file; left out: chosen by the header of `file`. */
    readonly mappingFile?: string
    readonly tokenKey?: string
    readonly badRows?: 'stop' | 'skip'
  }
  /** How many records; null: all of a file or of the drill, and no end for millrace. */
  readonly count?: number | null
  /** For the profile millrace. */
  readonly millrace?: MillraceOptions
}

/**
 * Opens a feed. Rejects with a `MappingError`, a `RowError` or an error of the file system when a file cannot be
 * replayed.
 */
export async function createFeed(options: FeedOptions): Promise<Feed> {
  const { replay, profile = 'millrace', count = null, millrace = {} } = options
  if (replay !== undefined) return openFile(replay, count)
  if (profile === 'drill') return sourceFeed('drill', drill(), count)
  return sourceFeed(`millrace, seed ${millrace.seed ?? 1}`, new Millrace(millrace), count)
}

async function openFile(replay: NonNullable<FeedOptions['replay']>, count: number | null): Promise<Feed> {
  const { file, mappingFile, tokenKey, badRows = 'stop' } = replay
  const mapping = mappingFile === undefined ? undefined : await readMapping(mappingFile)
  const feed = await openReplay({
    file,
    badRows,
    ...(mapping === undefined ? {} : { mapping }),
    ...(tokenKey === undefined ? {} : { tokenKey }),
  })
  return count === null ? feed : new CutFeed(feed, count)
}

async function readMapping(file: string): Promise<Mapping> {
  const text = await readFile(file, 'utf8')
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    throw new MappingError(`The mapping ${file} is no JSON: ${(error as Error).message}`, { cause: error })
  }
  return parseMapping(file, json)
}

/** The first rows of a file. */
class CutFeed implements Feed {
  readonly name: string
  readonly total = null
  readonly skipped: ReplayFeed['skipped']
  readonly #feed: ReplayFeed
  #left: number

  constructor(feed: ReplayFeed, count: number) {
    this.name = feed.name
    this.skipped = feed.skipped
    this.#feed = feed
    this.#left = count
  }

  async pull(max: number): Promise<readonly Emission[]> {
    const batch = this.#left === 0 ? [] : await this.#feed.pull(Math.min(max, this.#left))
    this.#left -= batch.length
    return batch
  }

  close(): Promise<void> {
    return this.#feed.close()
  }
}
