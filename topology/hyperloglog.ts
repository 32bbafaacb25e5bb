import type { ByteWriter } from '../schemas/bytes.ts'
import { damaged, type StateReader } from './aggregate-state.ts'

const version = 1
const sparse = 0
const dense = 1
/** Above one register in so many, all are kept in an array: a map takes about 40 bytes for each. */
const sparseShare = 32
const bitsPerRegister = 6

/**
 * Estimates how many different hashes of 64 bits it was given, from the longest run of zeros in each of 2^precision
 * registers. The standard error is 1.04 / sqrt(2^precision), about any number from 0 to 10^18.
 *
 * Flajolet, Fusy, Gandouet and Meunier (2007), "HyperLogLog: the analysis of a near-optimal cardinality estimation
 * algorithm"; 64 bits and a sparse form as in Heule, Nunkesser and Hall (2013), "HyperLogLog in Practice"; the estimate
 * is that of Ertl (2017), "New cardinality estimation algorithms for HyperLogLog sketches", section 2, which needs
 * neither tables of bias nor a change of method for small numbers.
 */
export class HyperLogLog {
  readonly precision: number
  /** Longest run of zeros, plus one, by register; those without a hash are absent, or 0. */
  #sparse: Map<number, number> | null = new Map()
  #dense: Uint8Array | null = null
  /** How many registers have each rank. */
  readonly #ranks: Int32Array

  constructor(precision: number) {
    this.precision = precision
    this.#ranks = new Int32Array(66 - precision)
    this.#ranks[0] = 2 ** precision
  }

  get sizeBytes(): number {
    return 500 + (this.#sparse === null ? 2 ** this.precision : this.#sparse.size * 40)
  }

  /** Adds a hash: its upper and its lower 32 bits. */
  add(high: number, low: number): void {
    const { precision } = this
    const rest = high << precision
    const zeros = rest !== 0 ? Math.clz32(rest) : 32 - precision + Math.clz32(low)
    this.#raise(high >>> (32 - precision), zeros + 1)
  }

  merge(other: HyperLogLog): void {
    other.#forEach((register, rank) => this.#raise(register, rank))
  }

  estimate(): number {
    const ranks = this.#ranks
    const registers = 2 ** this.precision
    const last = ranks.length - 1
    let z = registers * tau(1 - ranks[last]! / registers)
    for (let rank = last - 1; rank > 0; rank--) z = 0.5 * (z + ranks[rank]!)
    z += registers * sigma(ranks[0]! / registers)
    return Math.round(((registers / (2 * Math.LN2)) * registers) / z)
  }

  #raise(register: number, rank: number): void {
    const before = this.#sparse === null ? this.#dense![register]! : (this.#sparse.get(register) ?? 0)
    if (rank <= before) return
    this.#ranks[before]!--
    this.#ranks[rank]!++
    if (this.#sparse === null) this.#dense![register] = rank
    else {
      this.#sparse.set(register, rank)
      if (this.#sparse.size * sparseShare > 2 ** this.precision) this.#toDense()
    }
  }

  #toDense(): void {
    const registers = new Uint8Array(2 ** this.precision)
    for (const [register, rank] of this.#sparse!) registers[register] = rank
    this.#dense = registers
    this.#sparse = null
  }

  /** The registers that have a rank; ascending when dense. */
  #forEach(each: (register: number, rank: number) => void): void {
    if (this.#sparse !== null) for (const [register, rank] of this.#sparse) each(register, rank)
    else {
      const registers = this.#dense!
      for (let i = 0; i < registers.length; i++) if (registers[i]! > 0) each(i, registers[i]!)
    }
  }

  /**
   * Version, precision and form, a byte each. Sparse: the number of registers as a varint; then for each the distance
   * to the one before as a varint, and its rank in a byte. Dense, when that is shorter: 6 bits for each register.
   */
  write(out: ByteWriter): void {
    out.u8(version)
    out.u8(this.precision)
    const filled: [register: number, rank: number][] = []
    this.#forEach((register, rank) => filled.push([register, rank]))
    if (filled.length * 3 < (2 ** this.precision * bitsPerRegister) / 8) {
      out.u8(sparse)
      out.uvarint(filled.length)
      let last = -1
      for (const [register, rank] of filled.toSorted((a, b) => a[0] - b[0])) {
        out.uvarint(register - last - 1)
        out.u8(rank)
        last = register
      }
      return
    }
    out.u8(dense)
    const registers = this.#dense!
    for (let i = 0; i < registers.length; i += 4) {
      const [a, b, c, d] = [registers[i]!, registers[i + 1]!, registers[i + 2]!, registers[i + 3]!]
      out.u8((a << 2) | (b >>> 4))
      out.u8(((b & 15) << 4) | (c >>> 2))
      out.u8(((c & 3) << 6) | d)
    }
  }

  static read(reader: StateReader, precision: number): HyperLogLog {
    const found = reader.byte()
    if (found !== version) throw damaged(`a sketch of the version ${found}, not ${version}`)
    const before = reader.byte()
    if (before !== precision) throw damaged(`a sketch of the precision ${before}, not ${precision}`)
    const form = reader.byte()
    if (form !== sparse && form !== dense) throw damaged(`a sketch of the form ${form}`)
    const read = new HyperLogLog(precision)
    const size = 2 ** precision
    const raise = (register: number, rank: number): void => {
      if (register >= size || rank > 65 - precision) throw damaged('a register that there cannot be')
      read.#raise(register, rank)
    }
    if (form === sparse) {
      let register = -1
      for (let left = reader.uvarint(); left > 0; left--) raise((register += reader.uvarint() + 1), reader.byte())
    } else {
      for (let i = 0; i < size; i += 4) {
        const bits = (reader.byte() << 16) | (reader.byte() << 8) | reader.byte()
        for (let j = 0; j < 4; j++) raise(i + j, (bits >>> (18 - 6 * j)) & 63)
      }
    }
    reader.end()
    return read
  }
}

// Ertl's corrections for registers without a hash, and for those with as many zeros as there are bits.

function sigma(share: number): number {
  if (share === 1) return Infinity
  let [x, y, z, before] = [share, 1, share, Number.NaN]
  while (z !== before) {
    before = z
    x *= x
    z += x * y
    y += y
  }
  return z
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0
  let [x, y, z, before] = [share, 1, 1 - share, Number.NaN]
  while (z !== before) {
    before = z
    x = Math.sqrt(x)
    y *= 0.5
    z -= (1 - x) ** 2 * y
  }
  return z / 3
}
