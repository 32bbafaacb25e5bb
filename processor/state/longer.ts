/** A copy of at least twice the length, and of `least`: for columns that grow with their rows. */
export function longerInts(array: Int32Array, least: number, fill = 0): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(Math.max(array.length * 2, least))
  copy.set(array)
  if (fill !== 0) copy.fill(fill, array.length)
  return copy
}

/** The same for flags. */
export function longerBytes(array: Uint8Array, least: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(Math.max(array.length * 2, least))
  copy.set(array)
  return copy
}

/** The same for floats. */
export function longerFloats(array: Float64Array, least: number): Float64Array<ArrayBuffer> {
  const copy = new Float64Array(Math.max(array.length * 2, least))
  copy.set(array)
  return copy
}
