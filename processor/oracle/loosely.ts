import type { Golden, Row } from './golden.ts'

// How a case is compared whose rows differ by declaration: what must hold all the same.

/** Null, or what does not hold between their rows and ours. */
export type Loosely = (theirs: readonly Row[], ours: readonly Row[], golden: Golden) => string | null

/** A row without its step, and without headers if they are not to count. */
const content = (row: Row, withHeaders = true): string => JSON.stringify(row.slice(1, withHeaders ? 6 : 5))

/** What of `some` is not among `all`, each row as often as it comes. */
export function missing(some: readonly Row[], all: readonly Row[]): Row | undefined {
  const left = new Map<string, number>()
  for (const row of all) left.set(content(row), (left.get(content(row)) ?? 0) + 1)
  return some.find(row => {
    const count = left.get(content(row)) ?? 0
    left.set(content(row), count - 1)
    return count === 0
  })
}

export const lacks = (whose: string, row: Row | undefined): string | null =>
  row === undefined ? null : `${whose} lack ${content(row)}`

/** Rows that differ in their headers only. */
export function sameButHeaders(theirs: readonly Row[], ours: readonly Row[]): string | null {
  const other = theirs.findIndex((row, index) => {
    const own = ours[index]
    return own === undefined || own[0] !== row[0] || content(own, false) !== content(row, false)
  })
  if (other >= 0) return `row ${other} differs in more than its headers`
  return theirs.length === ours.length ? null : `there are ${ours.length} rows, not ${theirs.length}`
}

/** What the rows come to as a table: the values that went into them, or how many. */
interface Contents {
  readonly values: ReadonlySet<string>
  readonly count: number
}

/** Values of goldens are single characters; what reads as a number is a count. */
export function contentsOf(rows: readonly Row[], params: Golden['params']): Contents {
  const table = new Map<string | null, string>()
  for (const [, , key, value] of rows) {
    if (value === null) table.delete(key)
    else table.set(key, value)
  }
  const texts = [...table.values()]
  if (params['op'] === 'count') {
    return { values: new Set(), count: texts.reduce((all, text) => all + Number(text), 0) }
  }
  const characters = texts.flatMap(text => text.replaceAll('null', '').replaceAll('|', '').split(''))
  return { values: new Set(characters), count: 0 }
}

/** What `some` were made of is in `all` too. */
export function contained(whose: string, some: Contents, all: Contents): string | null {
  const lost = [...some.values].find(value => !all.values.has(value))
  if (lost !== undefined) return `${whose} do not hold '${lost}'`
  return some.count <= all.count ? null : `${whose} count ${all.count} and not ${some.count}`
}

/** Of each window that they tell of, ours holds at least the same. */
export const eachHoldsMore: Loosely = (theirs, ours, { params }) => {
  for (const name of new Set(theirs.map(row => row[2]))) {
    const of = (rows: readonly Row[]): Contents =>
      contentsOf(
        rows.filter(row => row[2] === name),
        params,
      )
    const objection = contained(`rows of ${name}: ours`, of(theirs), of(ours))
    if (objection !== null) return objection
  }
  return null
}

/** The last row that they gave of each window that is closed at the end, and no other, whenever it came. */
export const lastOfClosed: Loosely = (theirs, ours, { params, steps }) => {
  const times = steps.map(step => ('ts' in step && step.key !== null && step.value !== null ? step.ts : -1))
  const openFrom = Math.max(...times) - Number(params['grace'] ?? 0)
  const isClosed = (row: Row): boolean => Number(row[2]!.split('/')[1]) < openFrom
  const last = [...new Map(theirs.map(row => [row[2], row])).values()].filter(isClosed)
  return lacks('ours', missing(last, ours)) ?? lacks('their last rows', missing(ours, last))
}

/** Each row once. */
export const withoutTwins: Loosely = (theirs, ours) => {
  const once = [...new Map(theirs.map(row => [JSON.stringify(row), row])).values()]
  return lacks('ours', missing(once, ours)) ?? lacks('theirs', missing(ours, once))
}

export const moreThanTheirs: Loosely = (theirs, ours, { params }) =>
  contained('ours', contentsOf(theirs, params), contentsOf(ours, params))
