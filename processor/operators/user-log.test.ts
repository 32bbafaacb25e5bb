import { expect, test } from 'vitest'
import { int64, text } from '../../schemas/serdes.ts'
import { logState, type LogState } from '../../topology/state.ts'
import { kinds } from '../state/kinds.ts'
import { OperatorRig, seeded } from './testing.ts'
import { userState } from './user-state.ts'

const retentionMs = 100

class Rig {
  log!: LogState<string, number>
  readonly rig = new OperatorRig({
    stores: ['*log'],
    build: context => {
      this.log = userState(logState('log', text, int64, { retentionMs }), context) as LogState<string, number>
      return [{ process: () => undefined }]
    },
  })

  values(key: string, fromMs = 0, toMs = Infinity): number[] {
    const found: number[] = []
    this.log.scan(key, fromMs, toMs, value => found.push(value) > 0)
    return found
  }
}

test('values come in the order of (time, arrival), from one time to another, until it is enough', () => {
  const own = new Rig()
  for (const [time, value] of [
    [10, 1],
    [30, 2],
    [20, 3],
    [20, 4],
  ] as const)
    own.log.append('a', time, value)
  own.log.append('b', 20, 9)
  expect(own.values('a')).toEqual([1, 3, 4, 2])
  expect(own.values('a', 11, 29)).toEqual([3, 4])
  expect(own.values('a', 20, 20)).toEqual([3, 4])
  expect(own.values('b')).toEqual([9])
  expect(own.values('c')).toEqual([])
  const seen: [number, number][] = []
  own.log.scan('a', 0, 99, (value, timeMs) => seen.push([value, timeMs]) < 2)
  expect(seen).toEqual([
    [1, 10],
    [3, 20],
  ])
})

test('nothing is appended from inside a scan, which would move what is visited; after it, it is', () => {
  const own = new Rig()
  own.log.append('a', 10, 1)
  const appending = (): void =>
    own.log.scan('a', 0, 99, () => {
      own.log.append('a', 5, 2)
      return true
    })
  expect(appending).toThrow("Log 'log' is appended to while it is scanned. Append when the scan is over.")
  own.log.append('a', 5, 3)
  expect(own.values('a')).toEqual([3, 1])
})

test('a scan from inside a scan: each goes on in its own key', () => {
  const own = new Rig()
  for (const [key, time, value] of [
    ['a', 10, 1],
    ['a', 20, 2],
    ['b', 10, 3],
    ['b', 30, 4],
    ['b', 40, 5],
  ] as const)
    own.log.append(key, time, value)
  const seen: unknown[] = []
  own.log.scan('a', 0, 99, (value, timeMs) => seen.push([value, timeMs, own.values('b')]) > 0)
  expect(seen).toEqual([
    [1, 10, [3, 4, 5]],
    [2, 20, [3, 4, 5]],
  ])
})

test('as old as the retention is there, older is not, and is not written', async () => {
  const own = new Rig()
  own.log.append('a', 50, 1)
  own.log.append('a', 150, 2)
  expect(own.values('a')).toEqual([1, 2])
  await own.rig.commit()
  await own.rig.restart('changelog')
  own.log.append('b', 151, 3)
  expect(own.values('a')).toEqual([2])
  own.log.append('a', 50, 4)
  own.log.append('a', 51, 5)
  expect(own.values('a')).toEqual([5, 2])
  expect(own.rig.drops).toEqual({ 'log expired-writes': 1 })
})

test('what is too old goes from the disk', async () => {
  const own = new Rig()
  for (let i = 0; i < 500; i++) own.log.append(`key ${i}`, 10, i)
  await own.rig.commit({ flush: true })
  own.rig.evict(0)
  expect(own.rig.rowsByKind('log')[kinds.entry]).toBe(500)
  own.log.append('last', 200, 1)
  await own.rig.commit({ flush: true })
  expect(own.rig.rowsByKind('log')).toEqual({
    [kinds.root]: 1,
    [kinds.directory]: 1,
    [kinds.entry]: 1,
    [kinds.header]: 1,
  })
})

test('random use with commits, evictions, rollbacks and restarts: what a list holds', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const random = seeded(seed)
    const own = new Rig()
    let all: { key: string; time: number; value: number }[] = []
    let newest = -1
    let saved = { all, newest }
    for (let i = 0; i < 400; i++) {
      const dice = random()
      if (dice < 0.06) {
        await own.rig.commit({ flush: dice < 0.03 })
        saved = { all: [...all], newest }
      } else if (dice < 0.1) own.rig.evict(dice < 0.08 ? 0 : 500)
      else if (dice < 0.13) {
        if (dice < 0.115) await own.rig.rollback()
        else await own.rig.restart(dice < 0.12 ? 'disk' : 'changelog')
        all = [...saved.all]
        newest = saved.newest
      }
      const key = 'abc'[Math.floor(random() * 3)]!
      const time = Math.max(0, i - Math.floor(random() * 130))
      const from = Math.max(0, i - Math.floor(random() * 150))
      const expected = all
        .filter(event => event.key === key && event.time >= Math.max(from, newest - retentionMs) && event.time <= i - 5)
        .toSorted((a, b) => a.time - b.time)
        .map(event => event.value)
      expect([seed, i, own.values(key, from, i - 5)]).toEqual([seed, i, expected])
      own.log.append(key, time, i)
      newest = Math.max(newest, time)
      if (time >= newest - retentionMs) all.push({ key, time, value: i })
    }
  }
})
