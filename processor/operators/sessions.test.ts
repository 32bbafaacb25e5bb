import { describe as group, expect, test } from 'vitest'
import { int64, json, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { count } from '../../topology/counting.ts'
import { describe } from '../../topology/describe.ts'
import { list } from '../../topology/picking.ts'
import { topology } from '../../topology/stream.ts'
import { session } from '../../topology/windows.ts'
import { createTestDriver } from '../testing/driver.ts'
import { seeded } from './testing.ts'

const visits = topic('visits', text, int64)
const out = topic(
  'out',
  text,
  json<any>('any', value => value),
)

const spec = { values: list<number>(undefined, { serde: int64 }) }

function sessions(emit: 'changes' | 'final', options: Parameters<typeof session>[1] = {}) {
  const t = topology('app')
  const windows = t.stream(visits).groupByKey().window(session(5, options)).aggregate('sessions', spec)
  windows[emit]().to(out as never)
  return { t, windows }
}

/** `key value@time` to what came of it. */
async function play(emit: 'changes' | 'final', options: Parameters<typeof session>[1], lines: readonly string[]) {
  const driver = await createTestDriver(sessions(emit, options).t)
  return lines.map(line => {
    const [, key, value, time] = /^(\w+) (\d+)@(\d+)$/.exec(line)!
    driver.input(visits).pipe(key!, Number(value), Number(time))
    const rows = driver.output(out).readAll()
    return rows
      .map(row => `${row.key}[${row.value.startMs},${row.value.endMs}]=${row.value.values ?? 'gone'}@${row.timestamp}`)
      .join(' ')
  })
}

//   0....5....10...15...20...    gap 5
//             1     2     3
//             1  4  2     3
test('events within the gap make one session; those that merged are told as deleted', async () => {
  const lines = ['a 1@10', 'a 2@16', 'a 3@22', 'a 4@13', 'a 5@13', 'b 6@40', 'a 7@13']
  expect(await play('changes', { grace: 10 }, lines)).toEqual([
    'a[10,10]=1@10',
    'a[16,16]=2@16',
    'a[22,22]=3@22',
    'a[10,10]=gone@10 a[16,16]=gone@16 a[10,16]=1,2,4@16',
    'a[10,16]=gone@16 a[10,16]=1,2,4,5@16',
    'b[40,40]=6@40',
    '',
  ])
})

test('exactly one gap apart is one session; a first event that comes twice is not deleted', async () => {
  expect(await play('changes', {}, ['a 1@10', 'a 2@10', 'b 9@15', 'a 3@15', 'a 4@21'])).toEqual([
    'a[10,10]=1@10',
    'a[10,10]=1,2@10',
    'b[15,15]=9@15',
    'a[10,10]=gone@10 a[10,15]=1,2,3@15',
    'a[21,21]=4@21',
  ])
})

test('final: each session once, when it is closed, in the order of end, start and key', async () => {
  const lines = ['b 1@10', 'a 2@10', 'a 3@14', 'b 5@15', 'c 4@19', 'z 6@20', 'z 7@100']
  expect(await play('final', {}, lines)).toEqual([
    '',
    '',
    '',
    '',
    '',
    'a[10,14]=2,3@14',
    'b[10,15]=1,5@15 c[19,19]=4@19 z[20,20]=6@20',
  ])
})

test('what final has emitted merges no more; closed sessions that are kept do', async () => {
  const lines = ['a 1@10', 'b 2@25', 'a 3@21', 'a 4@15']
  expect(await play('final', { grace: 5 }, lines)).toEqual(['', 'a[10,10]=1@10', '', ''])
  expect(await play('changes', { grace: 5, retention: 100 }, lines)).toEqual([
    'a[10,10]=1@10',
    'b[25,25]=2@25',
    'a[21,21]=3@21',
    'a[10,10]=gone@10 a[10,15]=1,4@15',
  ])
})

test('late events are told, null keys do not move time, and what is kept can be read', async () => {
  const { t, windows } = sessions('changes')
  const driver = await createTestDriver(t)
  const input = driver.input(visits)
  input.pipe('a', 1, 10, { headers: [{ name: 'trace', value: 'x' }] })
  input.pipe(null, 2, 90)
  input.pipe('a', 3, 40)
  input.pipe('a', 4, 34)
  expect(driver.dropped.map(({ reason, key, timestamp }) => [reason, key, timestamp])).toEqual([
    ['null-key', null, 90],
    ['late', 'a', 34],
    ['late-windows', 'a', 34],
  ])
  expect(driver.store(windows).entries()).toEqual([
    { key: 'a', startMs: 40, value: { values: [3], startMs: 40, endMs: 40 } },
  ])
  // No one record made a session.
  expect(
    driver
      .output(out)
      .readAll()
      .flatMap(({ headers }) => headers),
  ).toEqual([])
})

test('the end closes all', async () => {
  const driver = await createTestDriver(sessions('final').t, { partitions: 2 })
  driver.input(visits).pipe('a', 1, 10)
  driver.input(visits).pipe('b', 2, 10)
  driver.end()
  expect(driver.output(out).size).toBe(2)
})

test('what cannot be is refused', () => {
  expect(() => session(0)).toThrow('The gap of a session window is 0. It must be at least one millisecond.')
  expect(() => session('5s', { grace: '1s', retention: '5s' })).toThrow(
    "The retention of a session window is '5s', and windows are needed for 6000 ms.",
  )
  const t = topology('app')
  t.stream(visits).groupByKey().window(session('5m')).aggregate('s', { n: count() }, { combine: true }).final()
  expect(() => describe(t)).toThrow(
    "'s' combines windows before their repartition topic whose bounds are not known there.",
  )
  const shown = topology('app')
  shown
    .stream(visits)
    .groupByKey()
    .window(session('5m', { grace: '1h' }))
    .aggregate('s', { n: count() })
    .final()
  expect(describe(shown)).toContain('sessions s, gap 5m, grace 1h, final { n: count }')
})

group('recomputed from scratch, and restarted after every record', () => {
  const random = seeded(5)
  const draw = (of: number): number => Math.floor(random() * of)
  const grace = 20
  let time = 0
  // Within the grace nothing is late, whatever the order.
  const script = Array.from({ length: 200 }, (_, i) => {
    time += random() < 0.1 ? draw(40) : draw(3)
    return { key: `k${draw(4)}`, value: i, timestamp: Math.max(0, time - draw(grace)) }
  })

  /** The sessions of all events, known at once: sorted, and cut where a gap is longer than five. */
  function expected(): string[] {
    const rows: string[] = []
    for (const key of new Set(script.map(visit => visit.key))) {
      const own = script.filter(visit => visit.key === key).toSorted((a, b) => a.timestamp - b.timestamp)
      let from = 0
      for (let at = 1; at <= own.length; at++) {
        if (at < own.length && own[at]!.timestamp - own[at - 1]!.timestamp <= 5) continue
        const values = own.slice(from, at).map(({ value }) => value)
        const shown = values.toSorted((a, b) => a - b).join(',')
        rows.push(`${key}[${own[from]!.timestamp},${own[at - 1]!.timestamp}]=${shown}`)
        from = at
      }
    }
    return rows.toSorted()
  }

  async function actual(emit: 'changes' | 'final', partitions: number, restarts: boolean): Promise<string[]> {
    const driver = await createTestDriver(sessions(emit, { grace }).t, { partitions })
    for (const { key, value, timestamp } of script) {
      driver.input(visits).pipe(key, value, timestamp)
      if (restarts) driver.restart()
    }
    driver.end()
    const rows = new Map<string, string>()
    for (const { key, value } of driver.output(out).readAll()) {
      const window = `${key}[${value.startMs},${value.endMs}]`
      if (value.deleted === true) rows.delete(window)
      else {
        // Of a final result there is one.
        if (emit === 'final') expect(rows.has(window)).toBe(false)
        rows.set(window, `${window}=${value.values.toSorted((a: number, b: number) => a - b)}`)
      }
    }
    return [...rows.values()].toSorted()
  }

  test.each([
    ['changes', 1],
    ['final', 1],
    ['final', 3],
  ] as const)('%s, %i partitions', async (emit, partitions) => {
    expect(await actual(emit, partitions, false)).toEqual(expected())
    expect(await actual(emit, partitions, true)).toEqual(expected())
  })
})
