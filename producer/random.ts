// Addressed random draws: every number is a pure function of (seed, stream, index, k), so that any part of a run can be
// made alone, in any order, on any machine. Generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random
// numbers: as easy as 1, 2, 3", SC11).

const multiplier0 = 0xd2511f53
const multiplier1 = 0xcd9e8d57
const weyl0 = 0x9e3779b9
const weyl1 = 0xbb67ae85
const rounds = 10
const two32 = 4294967296

/** The high 32 bits of the 64-bit product of two unsigned 32-bit numbers. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16
  const aLow = a & 0xffff
  const bHigh = b >>> 16
  const bLow = b & 0xffff
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const carry = aLow * bHigh + (middle & 0xffff)
  return (aHigh * bHigh + (middle >>> 16) + (carry >>> 16)) | 0
}

export class Draws {
  readonly seed: number
  readonly #key0: number
  readonly #key1: number
  // The block that was made last: neighbouring k share it.
  #stream = -1
  #index = -1
  #block = -1
  /** The four words of the last block, as signed 32-bit numbers. */
  readonly words = new Int32Array(4)

  /** @param seed a whole number from 0 to 2^53 - 1 */
  constructor(seed: number) {
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`The seed ${seed} is not a whole number from 0 to 2^53 - 1.`)
    }
    this.seed = seed
    this.#key0 = seed | 0
    this.#key1 = Math.floor(seed / two32) | 0
  }

  /** Uniform in [0, 1), 53 bits. */
  u(stream: number, index: number, k: number): number {
    const block = k >>> 1
    if (block !== this.#block || index !== this.#index || stream !== this.#stream) this.#make(stream, index, block)
    const at = (k & 1) << 1
    return ((this.words[at]! >>> 5) * 67108864 + (this.words[at + 1]! >>> 6)) / 9007199254740992
  }

  /** Standard normal, from the draw at the same address. The added 2^-54 keeps it finite. */
  z(stream: number, index: number, k: number): number {
    return normalQuantile(this.u(stream, index, k) + 1 / 18014398509481984)
  }

  /** A whole number in [0, size). */
  below(size: number, stream: number, index: number, k: number): number {
    return Math.floor(this.u(stream, index, k) * size)
  }

  #make(stream: number, index: number, block: number): void {
    let c0 = index | 0
    let c1 = Math.floor(index / two32) | 0
    let c2 = stream | 0
    let c3 = block | 0
    let key0 = this.#key0
    let key1 = this.#key1
    for (let round = 0; round < rounds; round++) {
      const high0 = multiplyHigh(multiplier0, c0)
      const high1 = multiplyHigh(multiplier1, c2)
      const low0 = Math.imul(multiplier0, c0)
      const low1 = Math.imul(multiplier1, c2)
      c0 = high1 ^ c1 ^ key0
      c1 = low1
      c2 = high0 ^ c3 ^ key1
      c3 = low0
      key0 = (key0 + weyl0) | 0
      key1 = (key1 + weyl1) | 0
    }
    const { words } = this
    words[0] = c0
    words[1] = c1
    words[2] = c2
    words[3] = c3
    this.#stream = stream
    this.#index = index
    this.#block = block
  }
}

/**
 * The quantile of the standard normal distribution for 0 < p < 1, to about 16 digits.
 * Source: Wichura, "Algorithm AS 241: the percentage points of the normal distribution", PPND16, 1988; the
 * coefficients are the published ones, cut to what a double holds.
 */
export function normalQuantile(p: number): number {
  const q = p - 0.5
  if (Math.abs(q) <= 0.425) return q * ratio(0.180625 - q * q, centre)
  const r = Math.sqrt(-Math.log(q < 0 ? p : 1 - p))
  const value = r <= 5 ? ratio(r - 1.6, shoulder) : ratio(r - 5, tail)
  return q < 0 ? -value : value
}

type Ratio = readonly [numerator: readonly number[], denominator: readonly number[]]

function ratio(x: number, [numerator, denominator]: Ratio): number {
  let above = 0
  let below = 0
  for (let i = 7; i >= 0; i--) {
    above = above * x + numerator[i]!
    below = below * x + denominator[i]!
  }
  return above / below
}

const centre: Ratio = [
  [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087,
    33430.57558358813, 2509.0809287301227,
  ],
  [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852854,
  ],
]

const shoulder: Ratio = [
  [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-9,
  ],
]

const tail: Ratio = [
  [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
    0.0012426609473880784, 2.7115555687434876e-5, 2.0103343992922881e-7,
  ],
  [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 1.8463183175100548e-5,
    1.421511758316446e-7, 2.0442631033899397e-15,
  ],
]
