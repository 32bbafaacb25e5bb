// Small pieces of text for people. Everything here is pure.

export const grouped = (value: number): string => Math.round(value).toLocaleString('en-US')

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** `1.2 MB`, in steps of 1000. */
export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < byteUnits.length - 1) {
    value /= 1000
    unit++
  }
  return `${value >= 99.5 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${byteUnits[unit]}`
}

/** `1:02:03`, or `2:03` below an hour. */
export function durationText(seconds: number): string {
  const whole = Math.floor(seconds)
  const two = (value: number): string => String(value).padStart(2, '0')
  const minutes = Math.floor(whole / 60)
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`
}

/** An instant in UTC to the second. */
export const instantText = (timeMs: number): string =>
  Number.isFinite(timeMs) && timeMs >= 0 ? new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ') : '-'

/** `####......`, filled by `share` (0 to 1). */
export function bar(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width)
  return '█'.repeat(filled) + '░'.repeat(width - filled)
}

/** Control characters would move the cursor or colour what follows: shown as what they are. */
export const printable = (text: string): string =>
  // eslint-disable-next-line no-control-regex
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, each => `\\x${each.charCodeAt(0).toString(16).padStart(2, '0')}`)

// eslint-disable-next-line no-control-regex
const escape = /\u001b\[[0-9;]*m/y

/** The first `width` columns of a line; colours take none. */
export function fit(line: string, width: number): string {
  let columns = 0
  let at = 0
  while (at < line.length) {
    escape.lastIndex = at
    const found = escape.exec(line)
    if (found !== null) {
      at += found[0].length
      continue
    }
    if (columns === width) return `${line.slice(0, at)}${line.includes('\u001b') ? '\u001b[0m' : ''}`
    columns++
    at++
  }
  return line
}
