import { Buffer } from 'node:buffer'
import { decodeHeaders, encodeHeaders } from '../../schemas/headers.ts'

// A stamp rides in the first header of a record: the upstream partition (int32) and the highest timestamp it has sent
// (float64; Infinity at the end of input). A marker is a record with a null key, an empty value and a stamp.

/** Short, because every repartitioned record carries it. */
const stampName = 'mr'
const stampSize = 12
/** count 1, length 2, `mr`, length 12 */
const front = Buffer.from([2, stampName.length * 2, ...Buffer.from(stampName), stampSize * 2])

export interface Stamp {
  readonly upstream: number
  readonly time: number
}

/** A header block with nothing but a stamp. */
export function stampHeaders(upstream: number, time: number): Buffer {
  const block = Buffer.allocUnsafe(front.length + stampSize)
  front.copy(block)
  block.writeInt32BE(upstream, front.length)
  block.writeDoubleBE(time, front.length + 4)
  return block
}

/** The header block `[start, end)` with a stamp in front. */
export function withStamp(bytes: Buffer, start: number, end: number, upstream: number, time: number): Buffer {
  const block = stampHeaders(upstream, time)
  if (end - start <= 1) return block
  return encodeHeaders([...decodeHeaders(block, 0, block.length), ...decodeHeaders(bytes, start, end)])
}

/** The stamp of a header block, or null. */
export function readStamp(bytes: Buffer, start: number, end: number): Stamp | null {
  if (end - start < front.length + stampSize) return null
  for (let i = 1; i < front.length; i++) if (bytes[start + i] !== front[i]) return null
  return { upstream: bytes.readInt32BE(start + front.length), time: bytes.readDoubleBE(start + front.length + 4) }
}

const empty = Buffer.alloc(0)

/** What the block holds beside the stamp. */
export function withoutStamp(bytes: Buffer, start: number, end: number): Buffer {
  if (bytes[start] === front[0]) return empty
  return encodeHeaders(decodeHeaders(bytes, start, end).slice(1))
}
