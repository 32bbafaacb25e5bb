import { createHmac } from 'node:crypto'

// How the text of a cell becomes a value. Each reader throws a CellError that says what it expected.

/** A cell that cannot be read as its mapping says. */
export class CellError extends Error {
  override readonly name = 'CellError'
}

const shown = (cell: string): string => JSON.stringify(cell.length > 60 ? `${cell.slice(0, 60)}...` : cell)

/** Fifteen digits are exact as a number, and more than any amount. */
const digitsMax = 15

/**
 * Decimal text as minor units, digit by digit: no float ever holds money.
 *
 * @param exponent how many decimals the currency has; more of them in the text are refused
 */
export function readDecimal(cell: string, exponent: number): number {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(cell)
  if (match === null) throw new CellError(`${shown(cell)} is no decimal number`)
  const [, sign, whole, fraction = ''] = match
  if (fraction.length > exponent) {
    throw new CellError(`${shown(cell)} has more than ${exponent} decimals, the most that its currency has (ERR_RANGE)`)
  }
  const digits = `${whole}${fraction.padEnd(exponent, '0')}`.replace(/^0+(?=\d)/, '')
  if (digits.length > digitsMax)
    throw new CellError(`${shown(cell)} is larger than 10^${digitsMax} minor units (ERR_RANGE)`)
  // Never -0.
  return sign === '-' && digits !== '0' ? -Number(digits) : Number(digits)
}

/** A whole number, perhaps negative. */
export function readInteger(cell: string): number {
  if (!/^-?\d{1,15}$/.test(cell)) throw new CellError(`${shown(cell)} is no whole number`)
  return Number(cell)
}

export function readNumber(cell: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(cell)) throw new CellError(`${shown(cell)} is no number`)
  return Number(cell)
}

export function readBoolean(cell: string): boolean {
  if (cell === '1' || cell === 'true') return true
  if (cell === '0' || cell === 'false') return false
  throw new CellError(`${shown(cell)} is neither 0 nor 1, neither true nor false`)
}

/**
 * An instant with the zone Z, such as `2025-03-03T06:00:00.123456Z`, as milliseconds since 1970; finer digits are
 * cut.
 */
export function readIso(cell: string): number {
  const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z$/.exec(cell)
  if (match === null) throw new CellError(`${shown(cell)} is no instant like 2025-03-03T06:00:00.123Z`)
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    ...(readonly [number, number, number, number, number, number]),
  ]
  const timeMs = Date.UTC(year, month - 1, day, hour, minute, second)
  // Date.UTC takes the 30th of February for the 2nd of March.
  if (new Date(timeMs).toISOString().slice(0, 19) !== cell.slice(0, 19)) {
    throw new CellError(`${shown(cell)} is no instant of the calendar`)
  }
  return timeMs + Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'))
}

/** As many tokens as are remembered: cards of one file come again and again. */
const rememberedMax = 100_000

/** Replaces a number that may not be kept by 16 hex digits of its keyed HMAC-SHA-256. */
export function tokenReader(key: string): (cell: string) => string {
  const remembered = new Map<string, string>()
  return cell => {
    const known = remembered.get(cell)
    if (known !== undefined) return known
    const token = createHmac('sha256', key).update(cell).digest('hex').slice(0, 16)
    if (remembered.size >= rememberedMax) remembered.clear()
    remembered.set(cell, token)
    return token
  }
}
