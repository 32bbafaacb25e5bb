import { expect, test } from 'vitest'
import { int64, text } from '../../schemas/serdes.ts'
import { keyValueState, type KeyValueState, windowState, type WindowState } from '../../topology/state.ts'
import { OperatorRig, seeded } from './testing.ts'
import { userState } from './user-state.ts'

// The stores of a `process` step, as its code sees them.

class Rig {
  rows!: KeyValueState<string, number>
  slots!: WindowState<string, number>
  readonly rig = new OperatorRig({
    stores: ['rows', '*slots'],
    build: context => {
      this.rows = userState(keyValueState('rows', text, int64), context) as KeyValueState<string, number>
      this.slots = userState(windowState('slots', text, int64, { retentionMs: 100 }), context) as WindowState<
        string,
        number
      >
      return [{ process: () => undefined }]
    },
  })
}

test('rows: put, get, delete, null deletes', async () => {
  const own = new Rig()
  own.rows.put('a', 1)
  own.rows.put('b', 2)
  await own.rig.commit({ flush: true })
  own.rig.evict()
  expect([own.rows.get('a'), own.rows.get('b'), own.rows.get('c')]).toEqual([1, 2, undefined])
  own.rows.delete('a')
  own.rows.put('b', null as never)
  expect([own.rows.get('a'), own.rows.get('b')]).toEqual([undefined, undefined])
  await own.rig.restart('disk')
  expect([own.rows.get('a'), own.rows.get('b')]).toEqual([1, 2])
})

test('slots: as old as the retention is there, older is not, and is not written', async () => {
  const own = new Rig()
  const { rig } = own
  own.slots.put('a', 50, 1)
  own.slots.put('a', 150, 2)
  expect(own.slots.get('a', 50)).toBe(1)
  await rig.commit()
  await rig.restart('changelog')
  const { slots } = own
  expect(slots.get('a', 50)).toBe(1)
  slots.put('a', 151, 3)
  expect(slots.get('a', 50)).toBeUndefined()
  slots.put('b', 50, 4)
  slots.put('b', 51, 5)
  expect([slots.get('b', 50), slots.get('b', 51)]).toEqual([undefined, 5])
  expect(rig.drops).toEqual({ 'slots expired-writes': 1 })
})

test('no slot is below 0: nothing is read there, and a write says so', () => {
  const { slots } = new Rig()
  slots.put('a', 20, 1)
  expect(slots.get('a', -30)).toBeUndefined()
  for (const slot of [-1, 1.5, Number.NaN]) expect(() => slots.put('a', slot, 1)).toThrow(/The slot of 'slots' is/)
})

test('old slots go, a bounded number with each commit, until nothing is left of them', async () => {
  const own = new Rig()
  for (let i = 0; i < 3000; i++) own.slots.put(`key-number-${i}`, 10 + (i % 3), i)
  await own.rig.commit({ flush: true })
  own.rig.evict()
  expect(own.rig.rowsByKind('slots')[2]).toBe(3000)
  own.slots.put('last', 113, 1)
  await own.rig.commit({ flush: true })
  const left = own.rig.rowsByKind('slots')[2]!
  expect(left).toBeLessThanOrEqual(1001)
  expect(left).toBeGreaterThan(500)
  await own.rig.restart('disk')
  await own.rig.commit()
  expect(own.rig.rowsByKind('slots')).toEqual({ 0: 1, 1: 1, 2: 1 })
})

test('random use with commits, evictions, rollbacks and restarts: what a Map holds', async () => {
  for (let seed = 0; seed < 8; seed++) {
    const random = seeded(seed)
    const own = new Rig()
    let slots = new Map<string, number>()
    let newest = -1
    let saved = { slots, newest }
    for (let i = 0; i < 400; i++) {
      const dice = random()
      if (dice < 0.06) {
        await own.rig.commit({ flush: dice < 0.03 })
        saved = { slots: new Map(slots), newest }
      } else if (dice < 0.1) own.rig.evict()
      else if (dice < 0.13) {
        if (dice < 0.115) await own.rig.rollback()
        else await own.rig.restart(dice < 0.12 ? 'disk' : 'changelog')
        slots = new Map(saved.slots)
        newest = saved.newest
      }
      const key = 'abc'[Math.floor(random() * 3)]!
      const slot = Math.max(0, i - Math.floor(random() * 130))
      const expected = slot >= newest - 100 ? slots.get(`${key} ${slot}`) : undefined
      expect([seed, i, own.slots.get(key, slot)]).toEqual([seed, i, expected])
      if (random() < 0.2) {
        own.slots.delete(key, slot)
        slots.delete(`${key} ${slot}`)
        continue
      }
      own.slots.put(key, slot, i)
      newest = Math.max(newest, slot)
      if (slot >= newest - 100) slots.set(`${key} ${slot}`, i)
    }
  }
})
