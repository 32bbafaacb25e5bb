import type { Buffer } from 'node:buffer'
import crc from '@node-rs/crc32'

/** CRC-32C (Castagnoli) of `[start, end)`, unsigned: the checksum of record batches. */
export const crc32c = (bytes: Buffer, start = 0, end = bytes.length): number =>
  crc.crc32c(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
