import {
  choice,
  flag,
  optionLines,
  parseOptions,
  UsageError,
  type Values,
  wholeNumber,
  words,
} from '../processor/cli/options.ts'
import { parseHttpAddress } from '../processor/observe/address.ts'
import { logLevels } from '../processor/observe/log.ts'
import { defaultSettings } from '../processor/runtime/config.ts'
import { profiles } from '../producer/feed.ts'

const defaultRate = 2000
const mebibyte = 1 << 20

export const startOptions = {
  count: wholeNumber('ends when that many payments are through and every window is closed', null, 1),
  seed: wholeNumber('of the profile millrace (default 1): the same seed gives the same payments', null),
  profile: choice(profiles, 'customers of twelve cities, some of them robbed (default), or the drill', 'millrace'),
  replay: words('FILE', 'the rows of a .csv or .csv.gz file instead of a profile', null),
  mapping: words('FILE', 'JSON that says which column is what, unless the header of the file is known', null),
  'skip-bad-rows': flag('leaves out rows that cannot become a payment'),
  rate: wholeNumber(
    `payments per second; endless runs: ${defaultRate}, others: as fast as they are processed`,
    null,
    1,
  ),
  json: flag('the last line of stdout is the result as one JSON object'),
  partitions: wholeNumber('of the topic payments (default 6)', 6, 1),
  'high-amount': wholeNumber('limit of the rule high-amount in units of the currency (default 1000)', null, 0, 'UNITS'),
  guarantee: choice(['exactly_once', 'at_least_once'], 'default exactly_once', defaultSettings.guarantee),
  threads: wholeNumber('always 1 here; npm run processor takes more', 1),
  'commit-ms': wholeNumber('time between commits (default 100)', defaultSettings.commitIntervalMs, 1),
  'cache-mb': wholeNumber(
    `for decoded state, MiB (default ${defaultSettings.cacheBytes / mebibyte})`,
    defaultSettings.cacheBytes / mebibyte,
  ),
  state: words('DIR', 'where state is kept (default: a temporary folder, removed at the end)', null),
  http: words(
    'HOST:PORT',
    'of metrics and health (default 127.0.0.1:9464, or the next port that is free)',
    '127.0.0.1:9464',
  ),
  'log-level': choice(logLevels, 'of the log on stderr (default warn)', 'warn'),
}

export const help = `Runs the payment-fraud application on a broker of its own, in this process: payments are made or replayed,
alerts and figures come out. Needs nothing else. Ctrl-C ends it.

  npm start -- [options]

${optionLines(startOptions)}
`

export type StartOptions = ReturnType<typeof settle>

/** null: help is wanted. Throws a `UsageError` or an `AppError`. */
export function readStartOptions(args: readonly string[]): StartOptions | null {
  const values = parseOptions(startOptions, args)
  return values === null ? null : settle(values)
}

function settle(values: Values<typeof startOptions>) {
  const { replay, profile, mapping, seed, count, rate, threads } = values
  if (threads !== 1) {
    throw new UsageError(
      `--threads ${threads}: this run has its broker in its one thread. npm run processor -- --threads ${threads} is for real Kafka.`,
    )
  }
  if (replay === null && (mapping !== null || values['skip-bad-rows']))
    throw new UsageError('--mapping and --skip-bad-rows need --replay FILE.')
  if (seed !== null && (replay !== null || profile === 'drill'))
    throw new UsageError('--seed is for the profile millrace only.')
  if (replay !== null && profile === 'drill') throw new UsageError('--replay and --profile do not go together.')
  const isBounded = count !== null || replay !== null || profile === 'drill'
  return {
    feed:
      replay === null
        ? { profile, count, millrace: seed === null ? {} : { seed } }
        : {
            count,
            replay: {
              file: replay,
              badRows: values['skip-bad-rows'] ? ('skip' as const) : ('stop' as const),
              ...(mapping === null ? {} : { mappingFile: mapping }),
            },
          },
    isBounded,
    ratePerSecond: rate ?? (isBounded ? null : defaultRate),
    json: values.json,
    partitions: values.partitions,
    highAmountUnits: values['high-amount'],
    guarantee: values.guarantee,
    commitIntervalMs: values['commit-ms'],
    cacheBytes: values['cache-mb'] * mebibyte,
    stateFolder: values.state,
    http: parseHttpAddress(values.http),
    logLevel: values['log-level'],
  }
}
