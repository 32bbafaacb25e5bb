import { expect, test } from 'vitest'
import { help, parseOptions, type ProducerOptions } from './options.ts'

const environment = { KAFKA_BROKERS: 'one:9092,two:9092', SCHEMA_REGISTRY_URL: 'http://registry' }
const parse = (line: string, env: Record<string, string> = environment): ProducerOptions =>
  parseOptions(line === '' ? [] : line.split(' '), env)!

test('what is not said', () => {
  expect(parse('')).toEqual({
    feed: { profile: 'millrace', count: null, millrace: {} },
    ratePerSecond: 1000,
    labelDelayMs: null,
    endMarks: false,
    target: { kind: 'kafka', brokers: ['one:9092', 'two:9092'], registry: 'http://registry' },
  })
})

test('a generated run', () => {
  const line =
    '--rate 2000 --count 200000 --seed 7 --customers 500 --start 2025-03-04T00:00:00Z --labels-after 7d --end'
  expect(parse(line)).toMatchObject({
    feed: { count: 200_000, millrace: { seed: 7, customers: 500, start: Date.UTC(2025, 2, 4) } },
    ratePerSecond: 2000,
    labelDelayMs: 7 * 86_400_000,
    endMarks: true,
  })
  expect(parse('--rate max').ratePerSecond).toBeNull()
  expect(parse('--profile drill').feed).toEqual({ profile: 'drill', count: null })
})

test('a replay', () => {
  expect(parse('--replay a.csv').feed).toEqual({ replay: { file: 'a.csv', badRows: 'stop' }, count: null })
  const line = '--replay a.csv.gz --mapping m.json --skip-bad-rows --count 5'
  expect(parse(line, { ...environment, MILLRACE_TOKEN_KEY: 'k' }).feed).toEqual({
    replay: { file: 'a.csv.gz', mappingFile: 'm.json', tokenKey: 'k', badRows: 'skip' },
    count: 5,
  })
})

test('the command line wins over the environment; a dry run needs neither', () => {
  const target = parse('--brokers [::1]:1,b.example:2 --registry http://other').target
  expect(target).toEqual({ kind: 'kafka', brokers: ['[::1]:1', 'b.example:2'], registry: 'http://other' })
  expect(parse('--dry-run', {}).target).toEqual({ kind: 'print', what: 'lines' })
  expect(parse('--dry-run --statistics', {}).target).toEqual({ kind: 'print', what: 'statistics' })
})

test('help says every option', () => {
  expect(parseOptions(['--help'], {})).toBeNull()
  expect(parseOptions(['-h', '--rate', '5'], {})).toBeNull()
  for (const option of [
    'profile',
    'replay',
    'mapping',
    'skip-bad-rows',
    'count',
    'seed',
    'start',
    'customers',
    'merchants',
  ]) {
    expect(help).toContain(`--${option}`)
  }
  for (const option of ['rate', 'labels-after', 'end', 'brokers', 'registry', 'dry-run', 'statistics']) {
    expect(help).toContain(`--${option}`)
  }
})

test.for<[string, string]>([
  ['--rat 5', 'There is no option --rat; did you mean "--rate"?'],
  ['--elephant', 'There is no option --elephant; see --help.'],
  ['drill', '"drill" stands alone. Options begin with --; see --help.'],
  ['--rate', 'The option --rate needs a value.'],
  ['--rate 0', 'The option --rate needs a number of records per second above 0, or "max", not "0".'],
  ['--rate fast', 'or "max", not "fast".'],
  ['--count 1e3', 'The option --count needs a whole number, not "1e3".'],
  ['--seed 9007199254740993', 'The option --seed needs a whole number, not "9007199254740993".'],
  ['--end=yes', 'The option --end takes no value.'],
  ['--profile dril', 'There is no profile "dril"; did you mean "drill"?'],
  ['--profile x', 'There is no profile "x"; there are millrace and drill.'],
  ['--profile drill --seed 7', 'The options --profile drill and --seed do not go together.'],
  ['--replay a.csv --seed 7', 'The options --replay and --seed do not go together.'],
  ['--mapping m.json', 'The option --mapping needs --replay FILE.'],
  ['--statistics', 'The option --statistics needs --dry-run.'],
  ['--labels-after 7', 'The option --labels-after needs a time like 7d, 12h, 30m, 10s or 500ms, not "7".'],
  ['--start yesterday', 'The option --start needs an instant like 2025-03-03T06:00:00Z, not "yesterday".'],
  ['--brokers localhost', '"localhost" is no broker; brokers are HOST:PORT.'],
])('%s: %s', ([line, message]) => {
  expect(() => parse(line)).toThrow(message)
})

test('brokers and registry have to be named somewhere', () => {
  expect(() => parse('', {})).toThrow('No broker is named. Set KAFKA_BROKERS or --brokers HOST:PORT (npm run up')
  expect(() => parse('', { KAFKA_BROKERS: 'a:1' })).toThrow('No schema registry is named. Set SCHEMA_REGISTRY_URL')
})
