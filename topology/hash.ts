// MurmurHash3 (Appleby, 2011), the variant of 128 bits for 32-bit machines: the same on every machine, and other bits
// than those that choose the partition of a key (murmur2), so that a partition's members are spread evenly as well.

const c1 = 0x239b961b
const c2 = 0xab0e9789
const c3 = 0x38b34ae5
const c4 = 0xa1e38b93

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits))

function finish(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

/** Up to four bytes from `at` on, the lowest first; none beyond `end`. */
function word(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
  let value = 0
  for (let i = end - 1; i >= at; i--) value = (value << 8) | bytes[i]!
  return value
}

/** Writes the 128 bits of the hash of `bytes[start, end)` to `hash`, as four integers of 32 bits. */
export function murmur3(bytes: Uint8Array, start: number, end: number, seed: number, hash: Int32Array): void {
  let [h1, h2, h3, h4] = [seed | 0, seed | 0, seed | 0, seed | 0]
  const size = end - start
  const tail = start + (size & ~15)
  for (let at = start; at < tail; at += 16) {
    h1 ^= Math.imul(rotate(Math.imul(word(bytes, at, end), c1), 15), c2)
    h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0
    h2 ^= Math.imul(rotate(Math.imul(word(bytes, at + 4, end), c2), 16), c3)
    h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0
    h3 ^= Math.imul(rotate(Math.imul(word(bytes, at + 8, end), c3), 17), c4)
    h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0
    h4 ^= Math.imul(rotate(Math.imul(word(bytes, at + 12, end), c4), 18), c1)
    h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0
  }
  // A word without bytes is zero, and zero changes nothing.
  h4 ^= Math.imul(rotate(Math.imul(word(bytes, tail + 12, end), c4), 18), c1)
  h3 ^= Math.imul(rotate(Math.imul(word(bytes, tail + 8, end), c3), 17), c4)
  h2 ^= Math.imul(rotate(Math.imul(word(bytes, tail + 4, end), c2), 16), c3)
  h1 ^= Math.imul(rotate(Math.imul(word(bytes, tail, end), c1), 15), c2)
  h1 ^= size
  h2 ^= size
  h3 ^= size
  h4 ^= size
  h1 = (h1 + h2 + h3 + h4) | 0
  h2 = (h2 + h1) | 0
  h3 = (h3 + h1) | 0
  h4 = (h4 + h1) | 0
  h1 = finish(h1)
  h2 = finish(h2)
  h3 = finish(h3)
  h4 = finish(h4)
  h1 = (h1 + h2 + h3 + h4) | 0
  hash[0] = h1
  hash[1] = h2 + h1
  hash[2] = h3 + h1
  hash[3] = h4 + h1
}
