import { Buffer } from 'node:buffer'
import { createRequire } from 'node:module'
import zlib from 'node:zlib'
import { KafkaError } from './protocol/errors.ts'

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

/** By the number that a batch's attributes carry. */
const names: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

export const compressionId = (compression: Compression): number => names.indexOf(compression)

/** A batch may promise anything; what unpacks to more than this is refused instead of taking the process down. */
const unpackedMaxBytes = 2 ** 30

/** Snappy and LZ4 as WebAssembly; each call answers a buffer of its own. */
interface WebAssemblyCodecs {
  lz4Compress(bytes: Buffer): Buffer
  lz4Decompress(bytes: Buffer): Buffer
  snappyCompress(bytes: Buffer): Buffer
  snappyDecompress(bytes: Buffer): Buffer
}

let codecs: WebAssemblyCodecs | undefined

/** Loaded when the first such batch comes: most runs have none. */
function wasm(): WebAssemblyCodecs {
  codecs ??= createRequire(import.meta.url)('@platformatic/wasm-utils') as WebAssemblyCodecs
  return codecs
}

// The framing of Java's snappy: magic, two version numbers, then blocks with their length.
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const xerialHeaderBytes = 16

function snappyDecompress(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) return wasm().snappyDecompress(bytes)
  const blocks: Buffer[] = []
  for (let at = xerialHeaderBytes; at < bytes.length;) {
    const start = at + 4
    const end = start + bytes.readUInt32BE(at)
    if (end > bytes.length) throw new RangeError('a snappy block ends behind the batch')
    blocks.push(wasm().snappyDecompress(bytes.subarray(start, end)))
    at = end
  }
  return Buffer.concat(blocks)
}

function zstd(): Pick<typeof zlib, 'zstdCompressSync' | 'zstdDecompressSync'> {
  // Node 20 and early 22 have no zstd.
  if (typeof zlib.zstdCompressSync === 'function') return zlib
  const message = 'zstd needs Node 22.15 or later. Update Node, or choose another compression for the topic.'
  throw new KafkaError('records', 'UNSUPPORTED_COMPRESSION_TYPE', message)
}

export function compress(compression: Exclude<Compression, 'none'>, bytes: Buffer): Buffer {
  switch (compression) {
    case 'gzip':
      return zlib.gzipSync(bytes)
    case 'zstd':
      return zstd().zstdCompressSync(bytes)
    case 'snappy':
      return wasm().snappyCompress(bytes)
    case 'lz4':
      return wasm().lz4Compress(bytes)
  }
}

function unpack(name: Compression | undefined, id: number, bytes: Buffer): Buffer {
  switch (name) {
    case 'gzip':
      return zlib.gunzipSync(bytes, { maxOutputLength: unpackedMaxBytes })
    case 'zstd':
      return zstd().zstdDecompressSync(bytes, { maxOutputLength: unpackedMaxBytes })
    case 'snappy':
      return snappyDecompress(bytes)
    case 'lz4':
      return wasm().lz4Decompress(bytes)
    default:
      throw new KafkaError('records', 'UNSUPPORTED_COMPRESSION_TYPE', `Compression ${id} is unknown to this version.`)
  }
}

/**
 * Unpacks by the number that a batch carries (not 0). Throws a `KafkaError`: `CORRUPT_MESSAGE` or
 * `UNSUPPORTED_COMPRESSION_TYPE`.
 */
export function decompress(id: number, bytes: Buffer): Buffer {
  const name = names[id]
  try {
    return unpack(name, id, bytes)
  } catch (cause) {
    if (cause instanceof KafkaError) throw cause
    const message = `Records cannot be unpacked by ${name}: ${String(cause)}.`
    throw new KafkaError('records', 'CORRUPT_MESSAGE', message, { cause })
  }
}
