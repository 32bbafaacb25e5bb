import { text } from '../../schemas/serdes.ts'
import type { Aggregate } from '../../topology/aggregates.ts'
import { count } from '../../topology/counting.ts'
import { custom, type Deleting } from '../../topology/custom.ts'
import type { Params } from './params.ts'

// The functions that goldens are made with. What they concatenate shows order and multiplicity; null prints as `null`.

/** The first character; null of nothing and of what starts with `-`. */
export const head = (value: string | null): string | null =>
  value === null || value === '' || value.startsWith('-') ? null : value.slice(0, 1)

export const isBang = (value: string | null): boolean => value?.startsWith('!') === true

export const joined = (left: string | null | undefined, right: string | null | undefined): string =>
  `${left ?? 'null'}+${right ?? 'null'}`

/** A text, or null when the function has answered null: then nothing is left. */
type Text = string | null

const orNothing = { isEmpty: (value: Text) => value === null, result: (value: Text) => value, state: text as never }

/** Init `''`, then `g + v`; a value that starts with `!` deletes. */
export const concat = (): Deleting<Text, Text, Text> =>
  custom({
    init: () => '' as Text,
    add: (all, value) => (isBang(value) ? null : `${all}${value}`),
    merge: (left, right) => `${left}|${right}`,
    ...orNothing,
  })

/** The same without init: the first value is taken as it is. */
export const reduce = (): Deleting<Text, readonly [] | readonly [Text], Text> =>
  custom({
    init: (): readonly [] | readonly [Text] => [],
    add: (all, value) => (all.length === 0 ? [value] : [isBang(value) ? null : `${all[0]}${value}`]),
    merge: (left, right) => {
      if (left.length === 0 || right.length === 0) return left.length === 0 ? right : left
      return [isBang(right[0]) ? null : `${left[0]}${right[0]}`]
    },
    isEmpty: ([value]) => value === null,
    result: ([value]) => value ?? null,
    state: {
      name: 'reduced',
      write: ([value], out) => text.write(value!, out),
      read: (bytes, start, end) => [text.read(bytes, start, end)],
    },
  })

/** What a case aggregates with, as text. */
export function aggregateOf(params: Params): { readonly text: Aggregate<Text, any, string | number | null> } {
  const op = params.text('op', 'aggregate')
  return { text: op === 'count' ? count() : op === 'reduce' ? reduce() : concat() }
}

/** The value of a row, if there is one. */
export const textOf = (row: { readonly text: string | number | null } | null): Text =>
  row === null || row.text === null ? null : String(row.text)
