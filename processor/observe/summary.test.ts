import { expect, test } from 'vitest'
import type { Figures } from './figures.ts'
import { coloured, finalLines, summaryLine, summaryLines, type SummaryView } from './summary.ts'

const figures: Figures = {
  payments: 24_012,
  valid: 23_900,
  rejected: 80,
  duplicates: 32,
  late: 12,
  alerts: 230,
  alertsByRule: { 'amount-10x': 70, 'geo-speed': 2, velocity: 160 },
  rejectedByCode: { ERR_GEO: 30, ERR_TIME: 50 },
  analytics: 5120,
}

const view: SummaryView = {
  title: 'fraud on the embedded broker',
  feed: 'millrace, seed 7',
  url: 'http://127.0.0.1:9464/metrics',
  state: 'running',
  elapsedSeconds: 72.4,
  figures,
  paymentsPerSecond: 2003.4,
  alertsPerSecond: 19.5,
  lagRecords: 120,
  streamTimeMs: Date.UTC(2025, 2, 3, 6, 20, 3),
  commitMs: { median: 12.34, longest: 40 },
  stateSize: { entries: 40_120, cacheBytes: 12_040_000, pendingBytes: 900 },
  rssBytes: 181_400_000,
  restore: { records: 0, bytes: 0, remaining: 0, total: 0 },
}

test('the live summary', () => {
  expect(`\n${summaryLines(view).join('\n')}\n`).toBe(`
Millrace  ·  fraud on the embedded broker  ·  running  ·  1:12
millrace, seed 7  ·  http://127.0.0.1:9464/metrics

payments              24,012     2,003/s
  valid 23,900   rejected 80   duplicates 32   late 12
alerts                   230        20/s
  velocity               160   ██████████████████████████████
  amount-10x              70   █████████████
  geo-speed                2   █
rejected                  80
  ERR_TIME                50   ██████████████████████████████
  ERR_GEO                 30   ██████████████████
analytics              5,120

event time 2025-03-03 06:20:03 UTC   lag 120 records   commit 12.3 ms, longest 40.0 ms
state 40,120 entries in memory, 12.0 MB   waiting for disk 900 B   RSS 181 MB
`)
})

test('while state is restored: how far that is', () => {
  const restoring = {
    ...view,
    state: 'restoring',
    restore: { records: 1200, bytes: 3_400_000, remaining: 300, total: 1500 },
  } as const
  expect(summaryLines(restoring).slice(3, 5)).toEqual([
    'restoring state  ████████████████████████░░░░░░  80 %',
    '  1,200 records, 3.4 MB read; 300 of 1,500 offsets to go',
  ])
  expect(summaryLine(restoring)).toContain(' | restoring, 300 of 1,500 offsets to go | ')
})

test('before the first record and the first commit', () => {
  const none = {
    payments: 0,
    valid: 0,
    rejected: 0,
    duplicates: 0,
    late: 0,
    alerts: 0,
    alertsByRule: {},
    rejectedByCode: {},
    analytics: 0,
  }
  const lines = summaryLines({ ...view, figures: none, streamTimeMs: -1, commitMs: null, feed: null, url: null })
  expect(lines).toContain('event time - UTC   lag 120 records   no commit yet')
  expect(lines.join('\n')).not.toContain('█')
})

test('one line where there is no terminal', () => {
  expect(summaryLine(view)).toBe(
    '1:12 running | payments 24,012 (2,003/s) | alerts 230 (amount-10x 70, geo-speed 2, velocity 160) | rejected 80 | duplicates 32 | late 12 | ' +
      'analytics 5,120 | lag 120 | event time 2025-03-03 06:20:03 | commit 12.3 ms, longest 40.0 ms | RSS 181 MB',
  )
})

test('what it came to', () => {
  expect(finalLines(figures, 12)).toEqual([
    '24,012 payments in 12.0 s (2,001/s)',
    '  23,900 valid, of them 12 late   80 rejected   32 duplicates',
    '  230 alerts (amount-10x 70, geo-speed 2, velocity 160)',
    '  rejected by code (ERR_GEO 30, ERR_TIME 50)',
    '  5,120 analytics',
  ])
  expect(finalLines({ ...figures, rejectedByCode: {}, alertsByRule: {} }, 0)[0]).toBe('24,012 payments in 0.0 s (0/s)')
})

test('colours change nothing but colours', () => {
  const stripped = summaryLines(view, coloured).map(line =>
    line
      .split('\u001b')
      .map(part => part.replace(/^\[\d+m/, ''))
      .join(''),
  )
  expect(stripped).toEqual(summaryLines(view))
})
