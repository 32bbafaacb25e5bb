import type { BrokerAddress } from '../ports.ts'
import { parseHttpAddress } from '../observe/address.ts'
import { logLevels } from '../observe/log.ts'
import { defaultSettings } from '../runtime/config.ts'
import { threadsMost } from '../threads/create-threads.ts'
import { choice, flag, optionLines, parseOptions, UsageError, type Values, wholeNumber, words } from './options.ts'

export type Environment = Readonly<Record<string, string | undefined>>

const mebibyte = 1 << 20

const reaching = {
  brokers: words('HOST:PORT,...', 'Kafka (default: KAFKA_BROKERS)', null),
  registry: words('URL', 'schema registry (default: SCHEMA_REGISTRY_URL)', null),
  'log-level': choice(logLevels, 'of the log on stderr (default info)', 'info'),
}

const runOptions = {
  ...reaching,
  guarantee: choice(['exactly_once', 'at_least_once'], 'default exactly_once', defaultSettings.guarantee),
  state: words('DIR', 'where state is kept (default ./state)', './state'),
  instance: words(
    'NAME',
    'of this process and its state, no other has it (default: the first that is free of instance-0, instance-1, ...)',
    null,
  ),
  threads: wholeNumber(`that run tasks, up to ${threadsMost} (default 1; more than cores are of no use)`, 1, 1),
  'on-crash': choice(
    ['replace', 'stop'],
    'a thread that crashed is replaced, 3 times in 5 minutes at most (default), or all stop',
    'replace',
  ),
  application: words('NAME', 'group, and beginning of all internal names (default fraud)', 'fraud'),
  http: words(
    'HOST:PORT',
    'of metrics and health (default 127.0.0.1:9464, or the next port that is free)',
    '127.0.0.1:9464',
  ),
  'http-token-file': words(
    'FILE',
    'with the bearer token that --http asks for; only with one may others reach it (default: none)',
    null,
  ),
  standbys: wholeNumber(
    "copies of each task's state in other processes, ready to take over (default 0)",
    defaultSettings.standbyReplicas,
  ),
  'commit-ms': wholeNumber('time between commits (default 100)', defaultSettings.commitIntervalMs, 1),
  'cache-mb': wholeNumber(
    `for decoded state, of all threads together, MiB (default ${defaultSettings.cacheBytes / mebibyte})`,
    defaultSettings.cacheBytes / mebibyte,
  ),
  'high-amount': wholeNumber('limit of the rule high-amount in units of the currency (default 1000)', null, 0, 'UNITS'),
  summary: flag('shows rates, alerts and lag'),
}

const initOptions = {
  ...reaching,
  live: flag('for live input: records are deleted after 30 to 90 days (default: never)'),
}

const describeOptions = {
  mermaid: flag('as a Mermaid flowchart'),
}

export const help = `Runs the payment-fraud application on Kafka.

  npm run processor -- [options]          runs it until Ctrl-C
${optionLines(runOptions)}

  npm run init -- [options]               creates its topics and registers its schemas, where they are missing
${optionLines(initOptions)}

  npm run describe -- [options]           shows the topology as it runs
${optionLines(describeOptions)}
`

export interface Reach {
  readonly brokers: readonly BrokerAddress[]
  readonly registryUrl: string
}

export type Command =
  | ({ readonly command: 'run' } & RunOptions)
  | ({ readonly command: 'init'; readonly logLevel: (typeof logLevels)[number]; readonly live: boolean } & Reach)
  | { readonly command: 'describe'; readonly format: 'text' | 'mermaid' }
  | { readonly command: 'help' }

export type RunOptions = ReturnType<typeof settleRun>

/** What the command line asks for. Throws a `UsageError` or an `AppError`. */
export function readCommand(args: readonly string[], environment: Environment): Command {
  const [first = ''] = args
  if (first === 'init') {
    const values = parseOptions(initOptions, args.slice(1))
    if (values === null) return { command: 'help' }
    return { command: 'init', ...reachOf(values, environment), logLevel: values['log-level'], live: values.live }
  }
  if (first === 'describe') {
    const values = parseOptions(describeOptions, args.slice(1))
    if (values === null) return { command: 'help' }
    return { command: 'describe', format: values.mermaid ? 'mermaid' : 'text' }
  }
  if (first !== '' && !first.startsWith('-')) {
    throw new UsageError(
      `There is no command '${first}'. There are init and describe; without one the application runs.`,
    )
  }
  const values = parseOptions(runOptions, args)
  return values === null ? { command: 'help' } : { command: 'run', ...settleRun(values, environment) }
}

function settleRun(values: Values<typeof runOptions>, environment: Environment) {
  if (values.instance !== null && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(values.instance)) {
    throw new UsageError(`--instance ${values.instance}: give up to 64 letters, digits, '.', '_' and '-'.`)
  }
  const { threads } = values
  if (threads > threadsMost) throw new UsageError(`--threads ${threads}: give a whole number from 1 to ${threadsMost}.`)
  return {
    ...reachOf(values, environment),
    threads,
    onCrash: values['on-crash'],
    guarantee: values.guarantee,
    stateFolder: values.state,
    instance: values.instance,
    application: values.application,
    http: parseHttpAddress(values.http, values['http-token-file'] !== null),
    httpTokenFile: values['http-token-file'],
    standbyReplicas: values.standbys,
    commitIntervalMs: values['commit-ms'],
    cacheBytes: values['cache-mb'] * mebibyte,
    highAmountUnits: values['high-amount'],
    summary: values.summary,
    logLevel: values['log-level'],
  }
}

function reachOf(
  values: { readonly brokers: string | null; readonly registry: string | null },
  environment: Environment,
): Reach {
  const brokers = values.brokers ?? environment['KAFKA_BROKERS'] ?? ''
  const registryUrl = values.registry ?? environment['SCHEMA_REGISTRY_URL'] ?? ''
  if (brokers === '') {
    throw new UsageError(
      'No broker is named. Set KAFKA_BROKERS or --brokers HOST:PORT (npm run up starts one and says what to set).',
    )
  }
  if (registryUrl === '') {
    throw new UsageError(
      'No schema registry is named. Set SCHEMA_REGISTRY_URL or --registry URL (npm run up starts one and says what to set).',
    )
  }
  return { brokers: brokers.split(',').map(each => brokerOf(each.trim())), registryUrl }
}

function brokerOf(text: string): BrokerAddress {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^\s:,/[\]]+)):(\d{1,5})$/.exec(text)
  if (match === null) throw new UsageError(`'${text}' is no broker: brokers are HOST:PORT, with commas between them.`)
  return { host: (match[1] ?? match[2])!, port: Number(match[3]) }
}
