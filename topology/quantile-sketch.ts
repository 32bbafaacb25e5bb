import type { ByteWriter } from '../schemas/bytes.ts'
import { damaged, type StateReader } from './aggregate-state.ts'

const version = 1
/** Counts stand in blocks, so that a value finds its count, and a rank its value, in a few steps. */
const blockSize = 64
/** The logarithm of the least and largest doubles, in size. */
const largestLog = 745

interface Block {
  /** Of its first bucket. */
  readonly start: number
  total: number
  readonly counts: Float64Array
}

/**
 * How many values lie in each of many buckets, whose bounds grow by a fixed factor: any quantile is within
 * `relativeAccuracy` of a value of that rank. A value can leave its bucket again, exactly.
 *
 * Masson, Rim and Lee (2019), "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees".
 * Buckets are never collapsed, as the paper does above a number of them: so the accuracy holds for every quantile, and
 * the state is the same for any order of the values. At 1 % there are 115 buckets for each power of ten that the values
 * span, and never more than 150,000.
 */
export class QuantileSketch {
  readonly relativeAccuracy: number
  readonly #logGamma: number
  /** Bucket 0 holds zeros; positive values have buckets above it, negative ones below. */
  readonly #offset: number
  /** Ascending; none is empty. */
  readonly #blocks: Block[] = []
  #count = 0

  constructor(relativeAccuracy: number) {
    this.relativeAccuracy = relativeAccuracy
    this.#logGamma = Math.log1p((2 * relativeAccuracy) / (1 - relativeAccuracy))
    this.#offset = Math.ceil(largestLog / this.#logGamma) + 1
  }

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return 200 + this.#blocks.length * (8 * blockSize + 120)
  }

  /** Adds a finite value, or takes it out with `times` -1. */
  add(value: number, times: number): void {
    this.#change(this.#bucketOf(value), times)
  }

  merge(other: QuantileSketch): void {
    other.#forEach((bucket, times) => this.#change(bucket, times))
  }

  /** A value within the accuracy of the one of rank floor(q * (count - 1)), from 0. There must be values. */
  quantile(q: number): number {
    let left = Math.floor(q * (this.#count - 1))
    let i = 0
    while (left >= this.#blocks[i]!.total) left -= this.#blocks[i++]!.total
    const { start, counts } = this.#blocks[i]!
    let j = 0
    while (left >= counts[j]!) left -= counts[j++]!
    return this.#valueOf(start + j)
  }

  #bucketOf(value: number): number {
    if (value === 0) return 0
    const bucket = Math.ceil(Math.log(Math.abs(value)) / this.#logGamma) + this.#offset
    return value > 0 ? bucket : -bucket
  }

  /** The value that is equally far, relatively, from both bounds of the bucket. */
  #valueOf(bucket: number): number {
    if (bucket === 0) return 0
    const log = (Math.abs(bucket) - this.#offset) * this.#logGamma
    const value = Math.min(Math.exp(log + Math.log1p(-this.relativeAccuracy)), Number.MAX_VALUE)
    return bucket > 0 ? value : -value
  }

  #change(bucket: number, times: number): void {
    const start = Math.floor(bucket / blockSize) * blockSize
    let at = 0
    for (let end = this.#blocks.length; at < end;) {
      const middle = (at + end) >>> 1
      if (this.#blocks[middle]!.start < start) at = middle + 1
      else end = middle
    }
    let block = this.#blocks[at]
    if (block?.start !== start) {
      block = { start, total: 0, counts: new Float64Array(blockSize) }
      this.#blocks.splice(at, 0, block)
    }
    block.counts[bucket - start]! += times
    block.total += times
    this.#count += times
    if (block.total === 0) this.#blocks.splice(at, 1)
  }

  #forEach(each: (bucket: number, times: number) => void): void {
    for (const { start, counts } of this.#blocks) {
      for (let i = 0; i < blockSize; i++) if (counts[i]! > 0) each(start + i, counts[i]!)
    }
  }

  /**
   * The version in a byte, the accuracy as a double, the number of buckets that are not empty; then for each its
   * distance to the one before (the first: to the lowest there can be) and its count. Integers are varints.
   */
  write(out: ByteWriter): void {
    out.u8(version)
    out.f64(this.relativeAccuracy)
    let buckets = 0
    this.#forEach(() => buckets++)
    out.uvarint(buckets)
    let last = -2 * this.#offset
    this.#forEach((bucket, times) => {
      out.uvarint(bucket - last)
      out.uvarint(times)
      last = bucket
    })
  }

  static read(reader: StateReader, relativeAccuracy: number): QuantileSketch {
    const found = reader.byte()
    if (found !== version) throw damaged(`a sketch of the version ${found}, not ${version}`)
    const accuracy = reader.double()
    if (accuracy !== relativeAccuracy) throw damaged(`a sketch of the accuracy ${accuracy}, not ${relativeAccuracy}`)
    const read = new QuantileSketch(relativeAccuracy)
    let bucket = -2 * read.#offset
    for (let left = reader.uvarint(); left > 0; left--) {
      const distance = reader.uvarint()
      const times = reader.uvarint()
      bucket += distance
      if (distance === 0 || times === 0 || bucket > 2 * read.#offset) throw damaged('a bucket that there cannot be')
      read.#change(bucket, times)
    }
    reader.end()
    return read
  }
}
