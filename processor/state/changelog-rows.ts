import { Buffer } from 'node:buffer'
import { AppError } from '../errors.ts'
import type { RecordColumns } from '../ports.ts'
import type { StoreWrite } from '../state-port.ts'
import { sealed } from './checksum.ts'
import { isKind } from './kinds.ts'

/** What changelog records of the store with this number on disk come to there. */
export function rowsToWrite(
  store: { readonly name: string; readonly hasKinds: boolean },
  number: number,
  records: RecordColumns,
): StoreWrite[] {
  const writes: StoreWrite[] = []
  for (let row = 0; row < records.length; row++) {
    const bytes = records.buffers[records.buffer[row]!]!
    const keyStart = records.keyStart[row]!
    if (keyStart < 0) throw new AppError('STATE_CORRUPT', `A record without a key in the changelog of '${store.name}'.`)
    const keyBytes = bytes.subarray(keyStart, records.keyEnd[row]!)
    if (store.hasKinds && !isKind(keyBytes[0])) throw otherKind(store.name)
    const key = Buffer.allocUnsafe(keyBytes.length + 1)
    key[0] = number
    keyBytes.copy(key, 1)
    const valueStart = records.valueStart[row]!
    const value = valueStart < 0 ? null : sealed(key, bytes.subarray(valueStart, records.valueEnd[row]!))
    writes.push({ key, value })
  }
  return writes
}

/** Read all the same it would become state that nobody wrote. */
const otherKind = (name: string): AppError =>
  new AppError(
    'TOPOLOGY',
    `The changelog of '${name}' holds keys of another kind of store: an older version of the application wrote them. ` +
      'Run that version, or give the store or the application another name to begin with empty state.',
  )
