import { parseArgs } from 'node:util'
import { profiles, type FeedOptions, type Profile } from './feed.ts'
import { didYouMean } from './suggest.ts'

/** What the command line asks for. */
export interface ProducerOptions {
  readonly feed: FeedOptions
  /** Records per second; null: as fast as the broker takes them. */
  readonly ratePerSecond: number | null
  /** Labels are sent this long after their payments took place; null: not sent. */
  readonly labelDelayMs: number | null
  readonly endMarks: boolean
  readonly target:
    | { readonly kind: 'kafka'; readonly brokers: readonly string[]; readonly registry: string }
    | { readonly kind: 'print'; readonly what: 'lines' | 'statistics' }
}

/** A command line that makes no sense. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const definitions = {
  profile: { type: 'string' },
  replay: { type: 'string' },
  mapping: { type: 'string' },
  'skip-bad-rows': { type: 'boolean' },
  count: { type: 'string' },
  seed: { type: 'string' },
  start: { type: 'string' },
  customers: { type: 'string' },
  merchants: { type: 'string' },
  rate: { type: 'string' },
  'labels-after': { type: 'string' },
  end: { type: 'boolean' },
  brokers: { type: 'string' },
  registry: { type: 'string' },
  'dry-run': { type: 'boolean' },
  statistics: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export const help = `Sends payments to Kafka: made by a profile, or read from a file.

  npm run producer -- [options]

What is sent
  --profile millrace|drill   customers of twelve cities, some of them robbed (default), or the drill: 11,734 records
                             whose alerts are known
  --seed N                   of millrace (default 1): the same seed gives the same bytes
  --start INSTANT            virtual time of the first payment of millrace (default 2025-03-03T06:00:00Z)
  --customers N              of millrace (default 20000)
  --merchants N              of millrace (default 2000)
  --replay FILE              rows of a .csv or .csv.gz file
  --mapping FILE             JSON that says which column is what; needed unless the header of the file is known
  --skip-bad-rows            leaves out rows that cannot become a payment, and counts them
  --count N                  ends after that many records (default: all; millrace has no end)

How it is sent
  --rate N                   records per second (default 1000), or "max"
  --labels-after TIME        also sends the truth about frauds, that long after they took place (7d, 12h, 30m, 10s,
                             500ms)
  --end                      marks the end in every partition, so that the processor closes all windows
  --brokers HOST:PORT,...    default: KAFKA_BROKERS
  --registry URL             schema registry; default: SCHEMA_REGISTRY_URL

Without Kafka
  --dry-run                  prints the records as lines of JSON
  --dry-run --statistics     prints what would be sent, counted

  MILLRACE_TOKEN_KEY         key for the tokens that replace card numbers of a file
`

type Values = { readonly [name in keyof typeof definitions]?: string | boolean }
type Environment = Readonly<Record<string, string | undefined>>

/** null: help is wanted. Throws a `UsageError`. */
export function parseOptions(args: readonly string[], environment: Environment): ProducerOptions | null {
  const values = readValues(args)
  if (values.help === true) return null
  return {
    feed: feedOf(values, environment),
    ratePerSecond: rateOf(text(values, 'rate') ?? '1000'),
    labelDelayMs: durationOf(text(values, 'labels-after')),
    endMarks: values.end === true,
    target: targetOf(values, environment),
  }
}

function readValues(args: readonly string[]): Values {
  const { tokens, values } = parseArgs({ args: [...args], options: definitions, strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind === 'positional')
      throw new UsageError(`"${token.value}" stands alone. Options begin with --; see --help.`)
    if (token.kind !== 'option') continue
    const definition = (definitions as Record<string, { type: string }>)[token.name]
    if (definition === undefined) {
      const known = Object.keys(definitions).map(name => `--${name}`)
      throw new UsageError(`There is no option ${token.rawName}${didYouMean(token.rawName, known) || '; see --help.'}`)
    }
    if (definition.type === 'string' && (token.value === undefined || token.value === '')) {
      throw new UsageError(`The option --${token.name} needs a value.`)
    }
    if (definition.type === 'boolean' && token.value !== undefined) {
      throw new UsageError(`The option --${token.name} takes no value.`)
    }
  }
  return values as Values
}

const text = (values: Values, name: keyof typeof definitions): string | undefined => values[name] as string | undefined

function feedOf(values: Values, environment: Environment): FeedOptions {
  const file = text(values, 'replay')
  const count = wholeNumber(values, 'count') ?? null
  if (file !== undefined) {
    refuseTogether(values, 'replay', ['profile', 'seed', 'start', 'customers', 'merchants'])
    const mappingFile = text(values, 'mapping')
    const tokenKey = environment['MILLRACE_TOKEN_KEY']
    const badRows = values['skip-bad-rows'] === true ? 'skip' : 'stop'
    return {
      replay: {
        file,
        badRows,
        ...(mappingFile === undefined ? {} : { mappingFile }),
        ...(tokenKey === undefined ? {} : { tokenKey }),
      },
      count,
    }
  }
  for (const name of ['mapping', 'skip-bad-rows'] as const) {
    if (values[name] !== undefined) throw new UsageError(`The option --${name} needs --replay FILE.`)
  }
  const profile = profileOf(text(values, 'profile') ?? 'millrace')
  if (profile === 'drill') {
    refuseTogether(values, 'profile drill', ['seed', 'start', 'customers', 'merchants'])
    return { profile, count }
  }
  const numbers = (['seed', 'customers', 'merchants'] as const).flatMap(name => {
    const value = wholeNumber(values, name)
    return value === undefined ? [] : [[name, value]]
  })
  const start = instantOf(text(values, 'start'))
  return { profile, count, millrace: { ...Object.fromEntries(numbers), ...(start === undefined ? {} : { start }) } }
}

function refuseTogether(values: Values, first: string, others: readonly (keyof typeof definitions)[]): void {
  for (const name of others) {
    if (values[name] !== undefined) throw new UsageError(`The options --${first} and --${name} do not go together.`)
  }
}

function profileOf(name: string): Profile {
  const found = profiles.find(profile => profile === name)
  if (found !== undefined) return found
  throw new UsageError(
    `There is no profile "${name}"${didYouMean(name, profiles) || `; there are ${profiles.join(' and ')}.`}`,
  )
}

function wholeNumber(values: Values, name: keyof typeof definitions): number | undefined {
  const value = text(values, name)
  if (value === undefined) return undefined
  if (!/^\d+$/.test(value) || !Number.isSafeInteger(Number(value))) {
    throw new UsageError(`The option --${name} needs a whole number, not "${value}".`)
  }
  return Number(value)
}

function rateOf(value: string): number | null {
  if (value === 'max') return null
  const rate = Number(value)
  if (!(rate > 0 && rate < Infinity)) {
    throw new UsageError(`The option --rate needs a number of records per second above 0, or "max", not "${value}".`)
  }
  return rate
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function durationOf(value: string | undefined): number | null {
  if (value === undefined) return null
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(value)
  if (match === null)
    throw new UsageError(`The option --labels-after needs a time like 7d, 12h, 30m, 10s or 500ms, not "${value}".`)
  return Number(match[1]) * unitMs[match[2]!]!
}

function instantOf(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const timeMs = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z$/.test(value) ? Date.parse(value) : Number.NaN
  // A payment may be sent a day and two hours after it took place, and no time is below 0.
  if (!(timeMs >= 2 * 86_400_000))
    throw new UsageError(`The option --start needs an instant like 2025-03-03T06:00:00Z, not "${value}".`)
  return timeMs
}

const hint = '(npm run up starts one and says what to set).'

function targetOf(values: Values, environment: Environment): ProducerOptions['target'] {
  if (values['dry-run'] === true) return { kind: 'print', what: values.statistics === true ? 'statistics' : 'lines' }
  if (values.statistics === true) throw new UsageError('The option --statistics needs --dry-run.')
  const brokers = (text(values, 'brokers') ?? environment['KAFKA_BROKERS'] ?? '')
    .split(',')
    .map(broker => broker.trim())
  const registry = text(values, 'registry') ?? environment['SCHEMA_REGISTRY_URL'] ?? ''
  if (brokers.join('') === '') {
    throw new UsageError(`No broker is named. Set KAFKA_BROKERS or --brokers HOST:PORT ${hint}`)
  }
  if (registry === '') {
    throw new UsageError(`No schema registry is named. Set SCHEMA_REGISTRY_URL or --registry URL ${hint}`)
  }
  for (const broker of brokers) {
    if (!/^(\[[0-9a-fA-F:]+\]|[^\s:,]+):\d{1,5}$/.test(broker))
      throw new UsageError(`"${broker}" is no broker; brokers are HOST:PORT.`)
  }
  return { kind: 'kafka', brokers, registry }
}
