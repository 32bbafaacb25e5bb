import { parseArgs } from 'node:util'
import { closestName } from '../../schemas/closest-name.ts'

/** A command line that makes no sense: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** One option: how it is shown, and what becomes of its text. */
export interface Option<T> {
  /** Shown in the help: `N`, `HOST:PORT`; null: a flag, which has no value. */
  readonly placeholder: string | null
  readonly help: string
  /** The value when it is given. Throws a plain message of what it should be. */
  readonly parse: (text: string) => T
  /** The value when it is not. */
  readonly fallback: T
}

export type Options = Readonly<Record<string, Option<any>>>
export type Values<O extends Options> = { readonly [Name in keyof O]: O[Name] extends Option<infer T> ? T : never }

export const flag = (help: string): Option<boolean> => ({ placeholder: null, help, parse: () => true, fallback: false })

export const words = <T>(placeholder: string, help: string, fallback: T): Option<string | T> => ({
  placeholder,
  help,
  parse: text => text,
  fallback,
})

export const choice = <const C extends readonly string[]>(
  choices: C,
  help: string,
  fallback: C[number],
): Option<C[number]> => ({
  placeholder: choices.join('|'),
  help,
  fallback,
  parse(text) {
    const found = choices.find(each => each === text)
    if (found === undefined) throw new UsageError(`${choices.join(' or ')}.${didYouMean(text, choices)}`)
    return found
  },
})

export const wholeNumber = <T>(help: string, fallback: T, least = 0, placeholder = 'N'): Option<number | T> => ({
  placeholder,
  help,
  fallback,
  parse(text) {
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least)
      throw new UsageError(`a whole number from ${least}.`)
    return value
  },
})

const common: Options = { help: flag('this text') }

/** What `args` says; null: help is wanted. Throws a `UsageError` that names the option. */
export function parseOptions<O extends Options>(options: O, args: readonly string[]): Values<O> | null {
  const all: Options = { ...options, ...common }
  const definitions = Object.entries(all).map(([name, { placeholder }]) => [
    name,
    { type: placeholder === null ? 'boolean' : 'string', ...(name === 'help' ? { short: 'h' } : {}) } as const,
  ])
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries(definitions),
    strict: false,
    tokens: true,
  })
  const values = new Map<string, unknown>(Object.entries(all).map(([name, { fallback }]) => [name, fallback]))
  for (const token of tokens) {
    if (token.kind === 'positional')
      throw new UsageError(`'${token.value}' stands alone. Options begin with --; see --help.`)
    if (token.kind !== 'option') continue
    values.set(token.name, valueOf(all, token.name, token.rawName, token.value))
  }
  return values.get('help') === true ? null : (Object.fromEntries(values) as Values<O>)
}

function valueOf(all: Options, name: string, rawName: string, value: string | undefined): unknown {
  const option = Object.hasOwn(all, name) ? all[name] : undefined
  if (option === undefined) {
    const near = didYouMean(
      rawName,
      Object.keys(all).map(each => `--${each}`),
    )
    throw new UsageError(`There is no option ${rawName}.${near === '' ? ' See --help.' : near}`)
  }
  if (option.placeholder === null) {
    if (value !== undefined) throw new UsageError(`--${name} takes no value.`)
    return option.parse('')
  }
  // `--count --json` is a forgotten value, not a value that begins with dashes.
  if (value === undefined || value === '' || value.startsWith('--'))
    throw new UsageError(`--${name} needs a value: ${option.placeholder}.`)
  try {
    return option.parse(value)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    throw new UsageError(`--${name} ${value}: give ${error.message}`)
  }
}

/** The lines of a help text, one option each. */
export function optionLines(options: Options): string {
  const entries = Object.entries({ ...options, ...common })
  const heads = entries.map(([name, { placeholder }]) => `  --${name}${placeholder === null ? '' : ` ${placeholder}`}`)
  const width = Math.min(34, Math.max(...heads.map(head => head.length)) + 2)
  return entries
    .map(([, { help }], index) => {
      const head = heads[index]!
      return head.length < width ? `${head.padEnd(width)}${help}` : `${head}\n${' '.repeat(width)}${help}`
    })
    .join('\n')
}

function didYouMean(name: string, known: readonly string[]): string {
  const near = closestName(name, known)
  return near === null ? '' : ` Did you mean ${near}?`
}
