import { expect, test } from 'vitest'
import { createLog } from './log.ts'
import { Meter } from './meter.ts'

const lines = (options: {
  level: 'debug' | 'warn'
  pretty: boolean
}): { written: string[]; log: ReturnType<typeof createLog> } => {
  const written: string[] = []
  return { written, log: createLog({ ...options, write: line => written.push(line) }) }
}

test('lines are JSON, from their level on, with the cause of an error and without its stack', () => {
  const { written, log } = lines({ level: 'warn', pretty: false })
  log.info({}, 'not shown')
  log.warn(
    { error: Object.assign(new Error('outer', { cause: new Error('inner') }), { code: 'X' }), task: '0_1' },
    'said',
  )
  expect(written.length).toBe(1)
  expect(written[0]!.endsWith('\n')).toBe(true)
  const { time, ...line } = JSON.parse(written[0]!)
  expect(line).toEqual({
    level: 'warn',
    task: '0_1',
    msg: 'said',
    error: { type: 'Error', message: 'outer', code: 'X', cause: { type: 'Error', message: 'inner' } },
  })
  expect(new Date(time).toISOString()).toBe(time)
})

test('at debug errors have their stack', () => {
  const { written, log } = lines({ level: 'debug', pretty: false })
  log.error({ error: new Error('x') }, 'said')
  expect(JSON.parse(written[0]!).error.stack).toContain('log.test.ts')
})

test('what comes from outside cannot forge a line or move the cursor', () => {
  const { written, log } = lines({ level: 'warn', pretty: true })
  log.warn({ topic: 'a\n{"level":"error"}\u001b[2J' }, 'bad\nname\u001b[31m')
  expect(Array.from(written[0]!).filter(letter => letter < ' ')).toEqual(['\n'])
  expect(written[0]!.split('\n').length).toBe(2)
  expect(written[0]).toContain('warn bad\\x0aname')
})

test('rates are those of the last seconds, commits the last hundred', () => {
  let nowMs = 0
  const meter = new Meter({ now: () => 0, monotonic: () => nowMs })
  expect(meter.commitMs).toBeNull()
  expect(meter.rates(0, 0)).toEqual({ paymentsPerSecond: 0, alertsPerSecond: 0 })
  for (nowMs = 1000; nowMs <= 20_000; nowMs += 1000)
    meter.rates(nowMs <= 10_000 ? nowMs : 10_000 + (nowMs - 10_000) * 2, nowMs / 100)
  nowMs = 20_500
  expect(meter.rates(31_000, 205)).toEqual({ paymentsPerSecond: 2000, alertsPerSecond: 10 })
  for (let i = 0; i < 200; i++) meter.committed(i < 150 ? 1 : 0.002)
  expect(meter.commitMs).toEqual({ median: 1000, longest: 1000 })
  meter.committed(0.002)
  expect(meter.commitMs).toEqual({ median: 2, longest: 1000 })
  expect(meter.elapsedSeconds).toBe(20.5)
})
