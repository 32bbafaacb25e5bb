import { expect, test } from 'vitest'
import { ProgressLine, type ProgressStream } from './progress.ts'

class Page implements ProgressStream {
  text = ''
  readonly isTTY: boolean
  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }
  write(text: string): void {
    this.text += text
  }
}

function show(isTTY: boolean, total: number | null): string {
  const page = new Page(isTTY)
  const line = new ProgressLine(page, total)
  for (let elapsedMs = 100; elapsedMs <= 6000; elapsedMs += 100) line.update({ records: elapsedMs * 2, elapsedMs })
  line.end({ records: 12_100, elapsedMs: 6050 }, true)
  return page.text
}

test('without a terminal there is a line every five seconds', () => {
  expect(show(false, 20_000)).toBe('10,000 of 20,000 records, 2,000/s\nSent 12,100 records in 6.0 s (2,000/s).\n')
})

test('on a terminal one line is written over twice a second', () => {
  const text = show(true, null)
  expect(text.split('\r').length - 1).toBe(13)
  expect(text).toContain('\r1,000 records, 2,000/s\u001b[K\r2,000 records')
  expect(text.endsWith('(2,000/s).\u001b[K\n')).toBe(true)
})

test('a run that was stopped says so, and an empty one has no rate', () => {
  const page = new Page(false)
  new ProgressLine(page, null).end({ records: 0, elapsedMs: 0 }, false)
  expect(page.text).toBe('Sent 0 records in 0.0 s (0/s), then stopped.\n')
})
