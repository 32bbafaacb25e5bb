import { Buffer } from 'node:buffer'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Serde } from '../../schemas/serde.ts'
import type { RunNode, RunStep, SubTopology } from '../../topology/compiled.ts'
import type { KeyValueSpec, LogSpec, WindowSpec } from '../../topology/state.ts'
import { AppError } from '../errors.ts'
import { Fold } from '../operators/fold.ts'
import { storedRowCodec } from '../operators/rows.ts'
import { sessionsCodec } from '../operators/session-list.ts'
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
  /** What an entry holds: one row, or the sessions of its key. `slotMs` is the window or slot of the entry. */
  readonly read: (bytes: Buffer, slotMs: number) => readonly { readonly startMs: number; readonly value: unknown }[]
  readonly hasSlots: boolean
}

/** Finds the store of a step, or of a `process` step that asked for it. */
export function findStore(parts: readonly SubTopology[], name: string): FoundStore {
  for (const part of parts) {
    for (const node of part.nodes) {
      const found = storeOf(part, node, name)
      if (found !== null) return found
    }
  }
  const names = parts.flatMap(part => part.stores.map(store => `'${store.name}'`))
  throw new AppError(
    'CONFIG',
    `The topology has no store '${name}'. Its stores: ${names.join(', ') || 'none'}. A source table keeps its rows where ` +
      'a step looks them up, or with table(topic, { stored: true }).',
  )
}

function storeOf(part: SubTopology, { step }: RunNode, name: string): FoundStore | null {
  if (step.kind === 'process') {
    const spec = Object.values(step.stores).find(store => store.name === name)
    if (spec === undefined) return null
    const hasSlots = spec.kind !== 'keyValue'
    return { name, part, key: spec.key, read: reader(spec.value), hasSlots }
  }
  if (!('store' in step) || step.store !== name) return null
  return stepStore(part, step)
}

function stepStore(part: SubTopology, step: Extract<RunStep, { store: string }>): FoundStore {
  const name = step.store
  switch (step.kind) {
    case 'tableStore': {
      const rows = storedRowCodec(step.value)
      const read = (bytes: Buffer) => [{ startMs: 0, value: rows.read(bytes, 0, bytes.length).value }]
      return { name, part, key: step.key, read, hasSlots: false }
    }
    case 'aggregate': {
      const fold = new Fold(step.spec)
      const read = (bytes: Buffer) => [{ startMs: 0, value: fold.result(fold.read(bytes, 0, bytes.length)) }]
      return { name, part, key: step.key, read, hasSlots: false }
    }
    case 'windowed': {
      const fold = new Fold(step.spec)
      const read = (bytes: Buffer, startMs: number) => {
        const span = { startMs, endMs: startMs + step.window.sizeMs }
        return [{ startMs, value: { ...fold.result(fold.read(bytes, 0, bytes.length)), ...span } }]
      }
      return { name, part, key: step.key, read, hasSlots: true }
    }
    case 'session':
    case 'sliding': {
      const fold = new Fold(step.spec)
      const sessions = sessionsCodec(fold)
      const read = (bytes: Buffer) =>
        sessions.read(bytes, 0, bytes.length).map(({ startMs, endMs, folded }) => {
          return { startMs, value: { ...fold.result(folded), startMs, endMs } }
        })
      return { name, part, key: step.key, read, hasSlots: true }
    }
    default:
      throw new AppError('CONFIG', `What '${name}' keeps is not read from outside. Look at what its step forwards.`)
  }
}

const reader =
  (serde: Serde<any>): FoundStore['read'] =>
  (bytes, startMs) => [{ startMs, value: serde.read(bytes, 0, bytes.length) }]

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
      .flatMap(record => entryRows(store, record, partition)),
  )
}

function entryRows(store: FoundStore, { key, value }: LoggedRecord, partition: number): Row[] {
  const stored = key!
  const [start, end] = store.hasSlots ? [1, stored.length - 8] : [0, stored.length]
  const slotMs = store.hasSlots ? Number(stored.readBigUInt64BE(end)) : 0
  const bytes = stored.subarray(start, end)
  return store.read(value!, slotMs).map(row => ({ ...row, key: store.key.read(stored, start, end), partition, bytes }))
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
