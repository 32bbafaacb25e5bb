import { expect, test } from 'vitest'
import { over, prior } from './aggregates.ts'
import { count } from './counting.ts'
import { type Duration, durationMs, hopping, tumbling } from './windows.ts'

test.each<[Duration, number]>([
  [1, 1],
  [250, 250],
  ['250ms', 250],
  ['20s', 20_000],
  ['5m', 300_000],
  ['25h', 90_000_000],
  ['30d', 2_592_000_000],
])('%s is %i ms', (duration, ms) => {
  expect(durationMs(duration, 'It')).toBe(ms)
})

test.each<[unknown, string]>([
  [0, 'It is 0. It must be at least one millisecond.'],
  ['0s', "It is '0s'. It must be at least one millisecond."],
  [-5, 'It is -5. Give a whole number of milliseconds that is not negative'],
  ['-5m', "It is '-5m'. Give a whole number and its unit, without a sign"],
  [1.5, 'It is 1.5. Give a whole number of milliseconds'],
  ['1.5s', "It is '1.5s'. Give a whole number and its unit"],
  [Number.NaN, 'It is NaN. Give a whole number'],
  [Number.POSITIVE_INFINITY, 'It is Infinity. Give a whole number'],
  ['5', "It is '5'. Give a whole number and its unit"],
  ['', "It is ''. Give a whole number and its unit"],
  ['5w', "It is '5w', and 'w' is no unit of time. Use ms, s, m, h or d."],
  ['5M', "It is '5M'. Give a whole number and its unit"],
  ['999999999999d', "It is '999999999999d'. Give a whole number of milliseconds"],
  ['5constructor', "'constructor' is no unit of time"],
])('%s is refused', (duration, message) => {
  expect(() => durationMs(duration as Duration, 'It')).toThrow(message)
})

test('windows are held in milliseconds', () => {
  expect(tumbling('5m')).toEqual({ kind: 'tumbling', sizeMs: 300_000, advanceMs: 300_000, graceMs: 0 })
  expect(tumbling('5m', { grace: '0s' }).graceMs).toBe(0)
  expect(hopping('1m', { every: '20s', grace: 500 })).toEqual({
    kind: 'hopping',
    sizeMs: 60_000,
    advanceMs: 20_000,
    graceMs: 500,
  })
  expect(hopping('1m', { every: '1m' }).advanceMs).toBe(60_000)
})

test('windows with gaps, without size or with negative grace are refused', () => {
  expect(() => hopping('20s', { every: '1m' })).toThrow("A hopping window of '20s' every '1m' leaves gaps")
  expect(() => hopping('20s', { every: 0 })).toThrow("'every' of a hopping window is 0.")
  expect(() => tumbling(0)).toThrow('The size of a tumbling window is 0.')
  expect(() => tumbling('1m', { grace: -1 })).toThrow('The grace of a tumbling window is -1.')
})

test('a trailing span is at least a millisecond', () => {
  expect(over('2m', count())).toMatchObject({ spanMs: 120_000, includes: 'event' })
  expect(prior(1, count())).toMatchObject({ spanMs: 1, includes: 'prior' })
  expect(() => over(0, count())).toThrow("The span of 'over' is 0.")
  expect(() => prior('0d', count())).toThrow("The span of 'prior' is '0d'.")
})
