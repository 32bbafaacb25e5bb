import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'
import type { RunNode, RunStep, SubTopology } from '../../topology/compiled.ts'
import type { KeyValueSpec, LogSpec, WindowSpec } from '../../topology/state.ts'
import { AppError } from '../errors.ts'
import { Fold } from '../operators/fold.ts'
import { storedRowCodec } from '../operators/rows.ts'
import { kinds } from '../state/kinds.ts'
import type { LoggedRecord } from './driver-log.ts'

/** The rows of a store as it is committed, in the order of partitions and then of the bytes of their keys. */
export interface RowsView<K, V> {
  /** The row of the key; undefined without one. A key that several partitions hold needs `partition`. */
  get(key: K, partition?: number): V | undefined
  entries(): readonly (readonly [key: K, value: V])[]
}

/** What a store holds of each key and window (or slot) as it is committed. */
export interface WindowsView<K, V> {
  get(key: K, startMs: number, partition?: number): V | undefined
  /** By partition, key and start. */
  entries(): readonly { readonly key: K; readonly startMs: number; readonly value: V }[]
}

/** What a log holds of each key as it is committed. */
export interface LogView<K, V> {
  /** In the order of time and arrival. */
  values(key: K): readonly { readonly timeMs: number; readonly value: V }[]
}

/** Where a store is in a topology, and how its rows are read. */
export interface FoundStore {
  readonly name: string
  readonly part: SubTopology
  readonly key: Serde<any>
  /** Null where rows have no key of their own: then it is a log. */
  readonly read: (bytes: Buffer) => unknown
  readonly hasSlots: boolean
  readonly finish: (value: any, startMs: number) => unknown
}

const same = (value: unknown): unknown => value

/** Finds the store of a step, or of a `process` step that asked for it. */
export function findStore(parts: readonly SubTopology[], name: string): FoundStore {
  for (const part of parts) {
    for (const node of part.nodes) {
      const found = storeOf(part, node, name)
      if (found !== null) return found
    }
  }
  const names = parts.flatMap(part => part.stores.map(store => `'${store.name}'`))
  throw new AppError('CONFIG', `The topology has no store '${name}'. Its stores: ${names.join(', ') || 'none'}.`)
}

function storeOf(part: SubTopology, { step }: RunNode, name: string): FoundStore | null {
  if (step.kind === 'process') {
    const spec = Object.values(step.stores).find(store => store.name === name)
    if (spec === undefined) return null
    const hasSlots = spec.kind !== 'keyValue'
    return { name, part, key: spec.key, read: reader(spec.value), hasSlots, finish: same }
  }
  if (!('store' in step) || step.store !== name) return null
  return stepStore(part, step)
}

function stepStore(part: SubTopology, step: Extract<RunStep, { store: string }>): FoundStore {
  const name = step.store
  switch (step.kind) {
    case 'tableStore':
      return {
        name,
        part,
        key: step.key,
        read: bytes => storedRowCodec(step.value).read(bytes, 0, bytes.length).value,
        hasSlots: false,
        finish: same,
      }
    case 'aggregate':
    case 'windowed': {
      const fold = new Fold(step.spec)
      const sizeMs = step.kind === 'windowed' ? step.window.sizeMs : 0
      return {
        name,
        part,
        key: step.key,
        read: bytes => fold.result(fold.read(bytes, 0, bytes.length)),
        hasSlots: step.kind === 'windowed',
        finish: (value, startMs) => (sizeMs === 0 ? value : { ...value, startMs, endMs: startMs + sizeMs }),
      }
    }
    default:
      throw new AppError('CONFIG', `What '${name}' keeps is not read from outside. Look at what its step forwards.`)
  }
}

const reader =
  (serde: Serde<any>) =>
  (bytes: Buffer): unknown =>
    serde.read(bytes, 0, bytes.length)

interface Row {
  readonly key: unknown
  readonly startMs: number
  readonly value: unknown
  readonly partition: number
  /** The bytes of the key in the store. */
  readonly bytes: Buffer
}

/** The rows of a store by what its changelog holds, partition by partition. */
export function rowsOf(store: FoundStore, changelogs: readonly (readonly LoggedRecord[])[]): readonly Row[] {
  return changelogs.flatMap((records, partition) =>
    records
      .filter(({ value, key }) => value !== null && (!store.hasSlots || key![0] === kinds.entry))
      .toSorted((a, b) => Buffer.compare(a.key!, b.key!))
      .map(record => rowOf(store, record, partition)),
  )
}

function rowOf(store: FoundStore, { key, value }: LoggedRecord, partition: number): Row {
  const bytes = key!
  const [start, end] = store.hasSlots ? [1, bytes.length - 8] : [0, bytes.length]
  const startMs = store.hasSlots ? Number(bytes.readBigUInt64BE(end)) : 0
  return {
    key: store.key.read(bytes, start, end),
    startMs,
    value: store.finish(store.read(value!), startMs),
    partition,
    bytes: bytes.subarray(start, end),
  }
}

/** The one row of a key among those of all partitions. */
function one(store: FoundStore, rows: readonly Row[], key: unknown, startMs: number, partition?: number): unknown {
  const writer = new ByteWriter(64)
  store.key.write(key, writer)
  const bytes = writer.copy()
  const found = rows.filter(
    row =>
      row.startMs === startMs && row.bytes.equals(bytes) && (partition === undefined || row.partition === partition),
  )
  if (found.length < 2) return found[0]?.value
  throw new AppError(
    'CONFIG',
    `The partitions ${found.map(row => row.partition).join(' and ')} of '${store.name}' hold this key: say which one.`,
  )
}

export const rowsView = (store: FoundStore, rows: () => readonly Row[]): RowsView<any, any> => ({
  get: (key, partition) => one(store, rows(), key, 0, partition),
  entries: () => rows().map(({ key, value }) => [key, value]),
})

export const windowsView = (store: FoundStore, rows: () => readonly Row[]): WindowsView<any, any> => ({
  get: (key, startMs, partition) => one(store, rows(), key, startMs, partition),
  entries: () => rows().map(({ key, startMs, value }) => ({ key, startMs, value })),
})

/** What a store can be asked by: the handle that keeps it, or the state that a `process` step asked for. */
export type AnyStateSpec = KeyValueSpec<any, any> | WindowSpec<any, any> | LogSpec<any, any>
