import type { Buffer } from 'node:buffer'
import { at, lengthOverhead } from '../kafka/native/batch-format.ts'
import { crc32c } from '../kafka/native/crc.ts'

/** Writes the length of a batch and its checksum, which covers everything behind itself. */
export function seal(bytes: Buffer): void {
  bytes.writeInt32BE(bytes.length - lengthOverhead, at.batchLength)
  bytes.writeUInt32BE(crc32c(bytes, at.attributes), at.crc)
}
