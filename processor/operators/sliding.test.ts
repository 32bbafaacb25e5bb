import { describe as group, expect, test } from 'vitest'
import { int64, json, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { describe } from '../../topology/describe.ts'
import { count } from '../../topology/counting.ts'
import { list } from '../../topology/picking.ts'
import { topology } from '../../topology/stream.ts'
import { sliding } from '../../topology/windows.ts'
import { createTestDriver } from '../testing/driver.ts'
import { seeded } from './testing.ts'

const events = topic('events', text, int64)
const out = topic(
  'out',
  text,
  json<any>('any', value => value),
)

function windows(emit: 'changes' | 'final', diff: number, options: Parameters<typeof sliding>[1] = {}) {
  const t = topology('app')
  const table = t
    .stream(events)
    .groupByKey()
    .window(sliding(diff, options))
    .aggregate('windows', { values: list<number>(undefined, { serde: int64 }) })
  table[emit]().to(out as never)
  return { t, table }
}

/** `key value@time` to what came of it, by start. */
async function play(emit: 'changes' | 'final', options: Parameters<typeof sliding>[1], lines: readonly string[]) {
  const driver = await createTestDriver(windows(emit, 5, options).t)
  return lines.map(line => {
    const [, key, value, time] = /^(\w+) (\d+)@(\d+)$/.exec(line)!
    driver.input(events).pipe(key!, Number(value), Number(time))
    const rows = driver.output(out).readAll()
    return rows
      .toSorted((a, b) => a.value.startMs - b.value.startMs)
      .map(row => `${row.key}[${row.value.startMs},${row.value.endMs}]=${row.value.values.join('')}@${row.timestamp}`)
      .join(' ')
  })
}

//   0....5....10...15...20       diff 5; a@8, b@10, c@12
//           a . b . c
//      ######                    [3,8]   = a
//        ######                  [5,10]  = ab
//          ######                [7,12]  = abc
//            ######              [9,14]  = bc
//              ######            [11,16] = c
test('a window ends at each event, and one begins after each', async () => {
  expect(await play('changes', {}, ['k 1@8', 'k 2@10', 'k 3@12'])).toEqual([
    'k[3,8]=1@8',
    'k[5,10]=12@10 k[9,14]=2@10',
    'k[7,12]=123@12 k[9,14]=23@12 k[11,16]=3@12',
  ])
})

test('a late event enters every open window that holds its time; closed ones refuse it', async () => {
  expect(await play('changes', { grace: 3 }, ['k 1@8', 'k 2@13', 'k 3@11', 'k 4@20', 'k 5@11'])).toEqual([
    'k[3,8]=1@8',
    'k[8,13]=12@13 k[9,14]=2@13',
    'k[6,11]=13@11 k[8,13]=123@13 k[9,14]=23@13 k[12,17]=2@13',
    'k[15,20]=4@20',
    '',
  ])
})

test('before the first window there is one from 0', async () => {
  expect(await play('changes', { grace: 9 }, ['k 1@2', 'k 2@4', 'k 3@3'])).toEqual([
    'k[0,5]=1@2',
    'k[0,5]=12@4 k[3,8]=2@4',
    'k[0,5]=123@4 k[3,8]=23@4 k[4,9]=2@4',
  ])
})

test('final: each window once, when it is closed, before the record that closed it', async () => {
  expect(await play('final', { grace: 2 }, ['k 1@8', 'k 2@10', 'j 3@10', 'k 4@11', 'k 5@16', 'k 6@100'])).toEqual([
    '',
    '',
    '',
    'k[3,8]=1@8',
    'j[5,10]=3@10 k[5,10]=12@10 k[6,11]=124@11',
    'k[9,14]=24@11 k[11,16]=45@16 k[12,17]=5@16',
  ])
})

test('what cannot be is refused, null keys and values are dropped, and what is kept can be read', async () => {
  expect(() => sliding(0)).toThrow('The difference of a sliding window is 0. It must be at least one millisecond.')
  expect(() => sliding(5, { retention: 9 })).toThrow(
    'The retention of a sliding window is 9, and windows are needed for 10 ms.',
  )
  const { t, table } = windows('changes', 5)
  const driver = await createTestDriver(t)
  driver.input(events).pipe(null, 1, 90)
  driver.input(events).pipe('k', null, 90)
  driver.input(events).pipe('k', 1, 8)
  expect(driver.dropped.map(({ reason }) => reason)).toEqual(['null-key', 'null-value'])
  expect(driver.store(table).entries()).toEqual([
    { key: 'k', startMs: 3, value: { values: [1], startMs: 3, endMs: 8 } },
  ])
  const shown = topology('app')
  shown
    .stream(events)
    .groupByKey()
    .window(sliding('5m', { grace: '1h' }))
    .aggregate('s', { n: count() })
    .changes()
  expect(describe(shown)).toContain('sliding s, 5m, grace 1h, changes { n: count }')
})

group('recomputed from scratch, and restarted after every record', () => {
  const random = seeded(9)
  const draw = (of: number): number => Math.floor(random() * of)
  const [diff, grace] = [6, 15]
  let time = 10
  const script = Array.from({ length: 150 }, (_, i) => {
    time += random() < 0.1 ? draw(30) : draw(3)
    return { key: `k${draw(3)}`, value: i, timestamp: Math.max(diff, time - draw(grace)) }
  })

  /** All windows of all events: those that end at one, and those that begin after one and are not empty. */
  function expected(): string[] {
    const rows: string[] = []
    for (const key of new Set(script.map(event => event.key))) {
      const own = script.filter(event => event.key === key)
      const starts = new Set(own.flatMap(({ timestamp }) => [timestamp - diff, timestamp + 1]))
      for (const start of starts) {
        const held = own.filter(({ timestamp }) => timestamp >= start && timestamp <= start + diff)
        if (held.length > 0) rows.push(`${key} ${start} ${held.map(({ value }) => value).join(',')}`)
      }
    }
    return rows.toSorted()
  }

  async function actual(emit: 'changes' | 'final', partitions: number, restarts: boolean): Promise<string[]> {
    const driver = await createTestDriver(windows(emit, diff, { grace }).t, { partitions })
    for (const { key, value, timestamp } of script) {
      driver.input(events).pipe(key, value, timestamp)
      if (restarts) driver.restart()
    }
    driver.end()
    const rows = new Map<string, string>()
    for (const { key, value } of driver.output(out).readAll()) {
      const window = `${key} ${value.startMs}`
      if (emit === 'final') expect(rows.has(window)).toBe(false)
      rows.set(window, `${window} ${value.values.toSorted((a: number, b: number) => a - b).join(',')}`)
    }
    return [...rows.values()].toSorted()
  }

  test.each([
    ['changes', 1],
    ['final', 1],
    ['final', 2],
  ] as const)('%s, %i partitions', async (emit, partitions) => {
    expect(await actual(emit, partitions, false)).toEqual(expected())
    expect(await actual(emit, partitions, true)).toEqual(expected())
  })
})
