import type { Buffer } from 'node:buffer'

// The layout of a record batch of version 2 (KIP-98). Integers are big-endian; the checksum covers all from
// `attributes` on, so base offset and leader epoch can be set later.
//
//  0 baseOffset int64          21 attributes int16       43 producerId int64
//  8 batchLength int32         23 lastOffsetDelta int32  51 producerEpoch int16
// 12 partitionLeaderEpoch i32  27 baseTimestamp int64    53 baseSequence int32
// 16 magic int8                35 maxTimestamp int64     57 count int32
// 17 crc uint32                                          61 records

export const at = {
  baseOffset: 0,
  batchLength: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
  records: 61,
} as const

/** Bytes that `batchLength` does not count. */
export const lengthOverhead = 12

export const attribute = { compression: 0x07, logAppendTime: 0x08, transactional: 0x10, control: 0x20 } as const

/** An int64 as a number: exact within the safe integers. */
export const readInt64 = (bytes: Buffer, position: number): number =>
  bytes.readInt32BE(position) * 4294967296 + bytes.readUInt32BE(position + 4)

export function writeInt64(bytes: Buffer, value: number, position: number): void {
  bytes.writeInt32BE(Math.floor(value / 4294967296), position)
  bytes.writeUInt32BE(value >>> 0, position + 4)
}

// Zig-zag LEB128, the integers inside records.

/** Bytes of a length or count that is not negative. */
export function countSize(value: number): number {
  const coded = value * 2
  return coded < 128 ? 1 : coded < 16384 ? 2 : coded < 2097152 ? 3 : coded < 268435456 ? 4 : 5
}

/** Bytes of any safe integer of at most 52 bits. */
export function varlongSize(value: number): number {
  let coded = value < 0 ? -value * 2 - 1 : value * 2
  let size = 1
  while (coded > 127) {
    coded = Math.floor(coded / 128)
    size++
  }
  return size
}

/** Writes any integer of at most 52 bits and returns the position behind it. */
export function writeVarlong(bytes: Buffer, value: number, position: number): number {
  let coded = value < 0 ? -value * 2 - 1 : value * 2
  while (coded > 127) {
    bytes[position++] = (coded % 128) | 128
    coded = Math.floor(coded / 128)
  }
  bytes[position++] = coded
  return position
}

/** Reads integers one after the other. Past the end it reads zeros; the caller compares `position` with its end. */
export class VarintReader {
  position = 0

  /** An integer of 32 bits. */
  varint(bytes: Buffer): number {
    let byte = bytes[this.position++]!
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1)
    let coded = byte & 127
    for (let shift = 7; byte > 127 && shift < 35; shift += 7) {
      byte = bytes[this.position++]!
      coded |= (byte & 127) << shift
    }
    return (coded >>> 1) ^ -(coded & 1)
  }

  /** An integer of up to 64 bits as a number: exact up to 52 bits. */
  varlong(bytes: Buffer): number {
    let byte = bytes[this.position++]!
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1)
    let coded = byte & 127
    let scale = 128
    while (byte > 127 && scale < 2 ** 70) {
      byte = bytes[this.position++]!
      coded += (byte & 127) * scale
      scale *= 128
    }
    return coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2
  }
}
