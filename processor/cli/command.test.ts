import { expect, test } from 'vitest'
import { AppError } from '../errors.ts'
import { readCommand } from './command.ts'
import { exitCodeOf, failureText } from './fail.ts'
import { flagshipTopics, rulesWith } from './flagship.ts'
import { UsageError } from './options.ts'

const environment = { KAFKA_BROKERS: 'a:1,[::1]:2', SCHEMA_REGISTRY_URL: 'http://registry:8081' }

test('brokers and registry come from the environment, or from options, which win', () => {
  expect(readCommand([], environment)).toMatchObject({
    command: 'run',
    brokers: [
      { host: 'a', port: 1 },
      { host: '::1', port: 2 },
    ],
    registryUrl: 'http://registry:8081',
    guarantee: 'exactly_once',
    stateFolder: './state',
    instance: null,
    http: { host: '127.0.0.1', port: 9464 },
  })
  expect(readCommand(['--brokers', 'b:3', '--registry', 'http://x'], environment)).toMatchObject({
    brokers: [{ host: 'b', port: 3 }],
    registryUrl: 'http://x',
  })
  expect(readCommand(['init', '--live'], environment)).toMatchObject({ command: 'init', live: true })
  expect(readCommand(['describe', '--mermaid'], {})).toEqual({ command: 'describe', format: 'mermaid' })
  expect(readCommand(['init', '--help'], {})).toEqual({ command: 'help' })
})

test.each([
  [[], {}, 'No broker is named.'],
  [[], { KAFKA_BROKERS: 'a:1' }, 'No schema registry is named.'],
  [['--brokers', 'a'], environment, "'a' is no broker"],
  [['--brokers', 'kafka://a:1'], environment, 'is no broker'],
  [['innit'], environment, "There is no command 'innit'"],
  [['--instance', '../x'], environment, '--instance ../x'],
  [['--guarantee', 'exactly'], environment, '--guarantee exactly: give exactly_once or at_least_once.'],
  [['init', '--guarantee', 'exactly_once'], environment, 'There is no option --guarantee.'],
])('%j is refused', (args, given, message) => {
  expect(() => readCommand(args, given)).toThrow(message)
  expect(() => readCommand(args, given)).toThrow(UsageError)
})

test('the HTTP server may only listen on this machine, unless others need a token', () => {
  expect(() => readCommand(['--http', '0.0.0.0:9464'], environment)).toThrow('authenticates nobody')
  expect(readCommand(['--http', '[::1]:0'], environment)).toMatchObject({ http: { host: '::1', port: 0 } })
  const guarded = readCommand(['--http', '0.0.0.0:9464', '--http-token-file', 'token'], environment)
  expect(guarded).toMatchObject({ http: { host: '0.0.0.0', port: 9464 }, httpTokenFile: 'token' })
})

test('errors end in one line with their code; faults of ours come with their stack', () => {
  expect(failureText(new AppError('TOPIC_MISSING', 'No topic.'), false)).toBe('error: No topic. [TOPIC_MISSING]')
  expect(failureText(new UsageError('No\u001b[31m.'), false)).toBe('error: No\\x1b[31m.')
  expect(failureText(new TypeError('x is undefined'), false)).toContain('command.test.ts')
  expect(failureText(new AppError('ASSERTION', 'broken'), false)).toContain('command.test.ts')
  const caused = new AppError('KAFKA', 'no', { cause: new Error('the reason') })
  expect(failureText(caused, true)).toContain('caused by Error: the reason')
  expect(exitCodeOf(new UsageError('x'))).toBe(2)
  expect(exitCodeOf(new Error('x'))).toBe(1)
})

test('another limit for high amounts makes another rule set', () => {
  expect(rulesWith(null).name).toBe('default')
  expect(rulesWith(1000)).toBe(rulesWith(null))
  const changed = rulesWith(250)
  expect(changed.name).toBe('default-high-amount-250')
  expect(changed.rules.find(rule => rule.id === 'high-amount')).toMatchObject({ moreThanUnits: 250 })
})

test('nothing is deleted from topics unless the input is live', () => {
  const retention = (live: boolean): (string | undefined)[] =>
    flagshipTopics({ live }).map(topic => topic.configs?.['retention.ms'])
  expect(new Set(retention(false))).toEqual(new Set(['-1']))
  expect(retention(true)).not.toContain('-1')
  expect(flagshipTopics({ live: false, partitions: 2 })[0]).toMatchObject({ name: 'payments', partitions: 2 })
})

test('threads: one unless asked for, and no more than make sense', () => {
  expect(readCommand([], environment)).toMatchObject({ threads: 1, onCrash: 'replace' })
  expect(readCommand(['--threads', '4', '--on-crash', 'stop'], environment)).toMatchObject({
    threads: 4,
    onCrash: 'stop',
  })
  for (const threads of ['0', '65', 'two', '1.5']) {
    expect(() => readCommand(['--threads', threads], environment)).toThrow(`--threads ${threads}: give a whole number`)
  }
})
