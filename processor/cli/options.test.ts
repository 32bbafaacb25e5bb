import { expect, test } from 'vitest'
import { choice, flag, optionLines, parseOptions, UsageError, wholeNumber, words } from './options.ts'

const options = {
  count: wholeNumber('how many', null, 1),
  json: flag('as JSON'),
  profile: choice(['millrace', 'drill'], 'which', 'millrace'),
  state: words('DIR', 'where', './state'),
}

const message = (...args: string[]): string => {
  try {
    parseOptions(options, args)
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return (error as Error).message
  }
  return 'nothing'
}

test('values, flags and fallbacks', () => {
  expect(parseOptions(options, [])).toMatchObject({ count: null, json: false, profile: 'millrace', state: './state' })
  expect(parseOptions(options, ['--count', '50', '--json', '--profile=drill', '--state', 'x'])).toMatchObject({
    count: 50,
    json: true,
    profile: 'drill',
    state: 'x',
  })
  expect(parseOptions(options, ['-h'])).toBeNull()
  expect(parseOptions(options, ['--help', '--count', '5'])).toBeNull()
})

test('what makes no sense is refused with what would', () => {
  expect(message('--cuont', '5')).toBe('There is no option --cuont. Did you mean --count?')
  expect(message('--zebra')).toBe('There is no option --zebra. See --help.')
  expect(message('--constructor', '1')).toContain('There is no option --constructor.')
  expect(message('--profile', 'dril')).toBe('--profile dril: give millrace or drill. Did you mean drill?')
  expect(message('--count', '0')).toBe('--count 0: give a whole number from 1.')
  expect(message('--count', '1e9')).toContain('give a whole number')
  expect(message('--count', '99999999999999999')).toContain('give a whole number')
  expect(message('--count')).toBe('--count needs a value: N.')
  expect(message('--count', '--json')).toBe('--count needs a value: N.')
  expect(message('--json=yes')).toBe('--json takes no value.')
  expect(message('50')).toBe("'50' stands alone. Options begin with --; see --help.")
})

test('the help text has a line for each option', () => {
  expect(optionLines(options).split('\n')).toEqual([
    '  --count N                 how many',
    '  --json                    as JSON',
    '  --profile millrace|drill  which',
    '  --state DIR               where',
    '  --help                    this text',
  ])
})
