import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Step } from './script-testing.ts'

/** A script with what a real broker answered to it. */
export interface Recorded {
  readonly seed: number
  readonly steps: readonly Step[]
  /** A line for each step with its answer, then what the partitions and the group held. */
  readonly lines: readonly string[]
}

const path = join(import.meta.dirname, 'transactions-recorded.json.gz')

/** Made by `node processor/embedded/record-testing.ts`. */
export const readRecording = (): readonly Recorded[] => JSON.parse(gunzipSync(readFileSync(path)).toString('utf8'))

export const writeRecording = (recorded: readonly Recorded[]): void =>
  writeFileSync(path, gzipSync(JSON.stringify(recorded), { level: 9 }))
