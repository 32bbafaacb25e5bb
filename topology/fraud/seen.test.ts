import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { WindowState } from '../state.ts'
import { Seen, type SeenPayments, seenForMs, seenState, type Sighting } from './seen.ts'

const hour = 3_600_000
const t0 = 19_000 * 24 * hour

/** A window store that keeps bytes only, as one on disk does, and notes which slots were asked for. */
class ByteState implements WindowState<string, SeenPayments> {
  readonly entries = new Map<string, Buffer>()
  reads = 0

  get(key: string, slotMs: number): SeenPayments | undefined {
    this.reads++
    const bytes = this.entries.get(`${key}@${slotMs}`)
    return bytes && seenState.value.read(bytes, 0, bytes.length)
  }

  put(key: string, slotMs: number, value: SeenPayments): void {
    expect(slotMs % seenForMs).toBe(0)
    const out = new ByteWriter()
    seenState.value.write(value, out)
    this.entries.set(`${key}@${slotMs}`, out.copy())
  }

  delete(key: string, slotMs: number): void {
    this.entries.delete(`${key}@${slotMs}`)
  }
}

function notes(state: ByteState = new ByteState()) {
  const seen = new Seen(state)
  return (offset: number, paymentId: string, body: string, eventTime: number, customer = 'c'): Sighting =>
    seen.note(customer, { paymentId, body: Buffer.from(body), eventTime, offset })
}

test('the same body under the same id is a duplicate, another body a conflict', () => {
  const note = notes()
  expect(note(0, 'a', 'body', t0)).toBe('new')
  expect(note(1, 'a', 'body', t0)).toBe('duplicate')
  expect(note(2, 'a', 'other', t0)).toBe('conflict')
  expect(note(3, 'b', 'body b', t0)).toBe('new')
  expect(note(4, 'a', 'body', t0, 'another customer')).toBe('new')
  // The conflicting body was not accepted, so that it comes again is still a conflict.
  expect(note(5, 'a', 'other', t0)).toBe('conflict')
})

test.each([1, -1])('an id counts for 25 h of event time, to either side (%i), across slots', direction => {
  for (let start = 0; start < 50; start++) {
    const note = notes()
    const t = t0 + start * hour
    expect(note(0, 'a', 'x', t)).toBe('new')
    expect(note(1, 'a', 'y', t + direction * seenForMs)).toBe('conflict')
    expect(note(2, 'a', 'z', t + direction * (seenForMs + 1))).toBe('new')
  }
})

test.each([
  ['later', 30 * hour, 10 * hour],
  ['earlier', 10 * hour, 30 * hour],
])('a slot that was there before learns of a %s neighbour', (_name, first, second) => {
  const start = Math.ceil(t0 / seenForMs) * seenForMs
  const note = notes()
  note(0, 'x', 'x', start + second)
  note(1, 'a', 'a', start + first)
  // The payment lies in the slot that was first, and its namesake in the other one, 20 h away.
  expect(note(2, 'a', 'b', start + second)).toBe('conflict')

  const other = notes()
  other(0, 'a', 'a', start + first)
  other(1, 'x', 'x', start + second)
  expect(other(2, 'a', 'b', start + second)).toBe('conflict')
})

test('a record that is processed again gets the answer that it got the first time', () => {
  const state = new ByteState()
  const records: [number, string, string, number][] = [
    [0, 'a', 'x', t0],
    [1, 'a', 'x', t0],
    [2, 'a', 'y', t0],
    [3, 'b', 'x', t0 - hour],
    [4, 'a', 'z', t0 + 26 * hour],
    [5, 'a', 'q', t0 + 2 * hour],
    [6, 'c', 'x', t0 - 20 * hour],
    [7, 'c', 'x', t0 - 20 * hour],
  ]
  const first = records.map(record => notes(state)(...record))
  expect(first).toEqual(['new', 'duplicate', 'conflict', 'new', 'new', 'conflict', 'new', 'duplicate'])
  const after = new Map(state.entries)
  for (let from = 0; from < records.length; from++) {
    expect(records.slice(from).map(record => notes(state)(...record))).toEqual(first.slice(from))
  }
  expect(state.entries).toEqual(after)
})

test('a slot is 28 bytes for each payment and 1; slots that do not exist are not looked up', () => {
  const state = new ByteState()
  const note = notes(state)
  for (let i = 0; i < 10; i++) note(i, `p${i}`, `body ${i}`, t0 + i)
  expect([...state.entries.values()].map(bytes => bytes.length)).toEqual([281])
  state.reads = 0
  note(10, 'p10', 'body', t0 + 10)
  expect(state.reads).toBe(1)
  note(11, 'p11', 'body', t0 + 11 + seenForMs)
  state.reads = 0
  note(12, 'p12', 'body', t0 + 12 + seenForMs)
  expect(state.reads).toBe(2)
})

test('offsets beyond 2^48 are kept', () => {
  const note = notes()
  const large = 2 ** 52 + 12_345
  expect(note(large, 'a', 'x', t0)).toBe('new')
  expect(note(large, 'a', 'x', t0)).toBe('new')
  expect(note(large + 1, 'a', 'x', t0)).toBe('duplicate')
})

test('bytes that hold no entries are refused', () => {
  expect(() => seenState.value.read(Buffer.alloc(28), 0, 28)).toThrow('no list of seen payments')
})
