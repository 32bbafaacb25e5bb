/**
 * A sum of money in minor units: a number while it is a safe integer, a bigint beyond. Nine payments of the largest
 * legal amount (10^15) leave the safe integers, and no legal payment may stop a task.
 */
export type Sum = number | bigint

/** `sum + addend`, exactly. */
export function plus(sum: Sum, addend: Sum): Sum {
  if (typeof sum === 'number' && typeof addend === 'number') {
    const result = sum + addend
    if (Number.isSafeInteger(result)) return result
  }
  return smallest(BigInt(sum) + BigInt(addend))
}

/** `sum - subtrahend`, exactly. */
export function minus(sum: Sum, subtrahend: Sum): Sum {
  if (typeof sum === 'number' && typeof subtrahend === 'number') {
    const result = sum - subtrahend
    if (Number.isSafeInteger(result)) return result
  }
  return smallest(BigInt(sum) - BigInt(subtrahend))
}

/** Whether `a * b > c * d`, exactly. */
export function productExceeds(a: Sum, b: Sum, c: Sum, d: Sum): boolean {
  if (typeof a === 'number' && typeof b === 'number' && typeof c === 'number' && typeof d === 'number') {
    const left = a * b
    const right = c * d
    if (Number.isSafeInteger(left) && Number.isSafeInteger(right)) return left > right
  }
  return BigInt(a) * BigInt(b) > BigInt(c) * BigInt(d)
}

const smallest = (value: bigint): Sum => {
  const asNumber = Number(value)
  return Number.isSafeInteger(asNumber) ? asNumber : value
}
