const m = 0x5bd1e995

/** MurmurHash2 with Kafka's seed over `[start, end)`, as a signed 32-bit integer (Utils.murmur2). */
export function murmur2(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const length = end - start
  let hash = 0x9747b28c ^ length
  let at = start
  for (const last = start + (length & ~3); at < last; at += 4) {
    let k = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    hash = Math.imul(hash, m) ^ Math.imul(k, m)
  }
  const rest = end - at
  if (rest > 0) {
    if (rest > 2) hash ^= bytes[at + 2]! << 16
    if (rest > 1) hash ^= bytes[at + 1]! << 8
    hash = Math.imul(hash ^ bytes[at]!, m)
  }
  hash = Math.imul(hash ^ (hash >>> 13), m)
  return (hash ^ (hash >>> 15)) | 0
}

/** The partition of a record whose key is `[start, end)`: what Java's producer chooses. */
export const partitionOf = (bytes: Uint8Array, start: number, end: number, partitions: number): number =>
  (murmur2(bytes, start, end) & 0x7fffffff) % partitions
