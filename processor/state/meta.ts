import { Buffer } from 'node:buffer'
import type { PartitionOffset } from '../ports.ts'
import { checksumBytes, intact, sealed } from './checksum.ts'

/** The format of stores on disk. Another one is wiped and restored. */
export const storeFormat = 4

/** The key of the meta record. Store numbers start at 1. */
export const metaKey = Buffer.from([0])

/** What a store says of itself: whose it is, and up to where it holds its changelogs and its input. */
export interface StoreMeta {
  readonly format: number
  readonly clusterId: string
  readonly application: string
  readonly task: string
  readonly stores: readonly StoreMark[]
  /** Next input offsets, as committed with this state. */
  readonly sources: readonly PartitionOffset[]
  /** Counts the batches of the store: this is its number. */
  readonly batch: number
  /** Wall clock of the batch: a store that slept too long is not caught up but restored. */
  readonly writtenMs: number
}

export interface StoreMark {
  readonly name: string
  /** In front of its keys on disk. */
  readonly number: number
  readonly changelogId: string
  /** The first changelog offset that is not in the store. */
  readonly nextOffset: number
}

export function writeMeta(meta: StoreMeta): Buffer {
  return sealed(metaKey, Buffer.from(JSON.stringify(meta)))
}

/** Null when it is damaged. */
export function readMeta(stored: Buffer): StoreMeta | null {
  if (!intact(metaKey, stored)) return null
  return JSON.parse(stored.toString('utf8', checksumBytes)) as StoreMeta
}
