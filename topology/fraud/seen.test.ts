import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { LogState } from '../state.ts'
import { type Fingerprint, Seen, seenForMs, seenState, type Sighting } from './seen.ts'

const hour = 3_600_000
const t0 = 19_000 * 24 * hour

/** A log that keeps bytes only, as the engine's does, in the order of (time, arrival). */
class ByteLog implements LogState<string, Fingerprint> {
  readonly entries: { readonly key: string; readonly timeMs: number; readonly bytes: Buffer }[] = []
  visits = 0

  scan(key: string, fromMs: number, toMs: number, visit: (value: Fingerprint, timeMs: number) => boolean): void {
    for (const entry of this.entries.toSorted((a, b) => a.timeMs - b.timeMs)) {
      if (entry.key !== key || entry.timeMs < fromMs || entry.timeMs > toMs) continue
      this.visits++
      if (!visit(seenState.value.read(entry.bytes, 0, entry.bytes.length), entry.timeMs)) return
    }
  }

  append(key: string, timeMs: number, value: Fingerprint): void {
    const out = new ByteWriter()
    seenState.value.write(value, out)
    this.entries.push({ key, timeMs, bytes: out.copy() })
  }
}

function notes(state: ByteLog = new ByteLog()) {
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

test('a record that is processed again gets the answer that it got the first time', () => {
  const state = new ByteLog()
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
  const after = [...state.entries]
  for (let from = 0; from < records.length; from++) {
    expect(records.slice(from).map(record => notes(state)(...record))).toEqual(first.slice(from))
  }
  expect(state.entries).toEqual(after)
})

test('a payment takes 31 bytes, and only those of its time are looked at', () => {
  const state = new ByteLog()
  const note = notes(state)
  for (let i = 0; i < 10; i++) note(i, `p${i}`, `body ${i}`, t0 + i)
  expect(new Set(state.entries.map(({ bytes }) => bytes.length))).toEqual(new Set([31]))
  state.visits = 0
  note(10, 'p10', 'body', t0 + 5 + seenForMs)
  expect(state.visits).toBe(5)
})

test('offsets beyond 2^48 are kept', () => {
  const note = notes()
  const large = 2 ** 52 + 12_345
  expect(note(large, 'a', 'x', t0)).toBe('new')
  expect(note(large, 'a', 'x', t0)).toBe('new')
  expect(note(large + 1, 'a', 'x', t0)).toBe('duplicate')
})

test('bytes that hold no entries are refused', () => {
  expect(() => seenState.value.read(Buffer.alloc(30), 0, 30)).toThrow('no fingerprint')
})
