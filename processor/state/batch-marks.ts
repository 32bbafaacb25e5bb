import { Buffer } from 'node:buffer'
import type { Store, StoreWrite } from '../state-port.ts'
import { sealed } from './checksum.ts'

// LevelDB leaves out a batch in the middle of its log when it is damaged, and goes on with those after it: values from
// before that batch would stand under a meta record from after it. So each batch leaves a mark of its number, and the
// last ones are looked for when the store is opened. They reach further back than a log does.

const marks = 256

function markKey(batch: number): Buffer {
  const key = Buffer.alloc(3)
  key.writeUInt16BE(batch % marks, 1)
  return key
}

/** What a batch writes to say that it is there. */
export function batchMark(batch: number): StoreWrite {
  const key = markKey(batch)
  return { key, value: sealed(key, Buffer.from(String(batch))) }
}

/** Whether the last batches up to `batch` are all there. */
export function hasBatches(store: Store, batch: number): boolean {
  for (let number = Math.max(1, batch - marks + 1); number <= batch; number++) {
    const { key, value } = batchMark(number)
    if (store.get(key)?.equals(value!) !== true) return false
  }
  return true
}
