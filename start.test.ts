import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { drillExpected } from './producer/profiles/drill.expected.ts'

// The program as users start it: another process, its output and its exit code.

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** A folder for temporary files that nobody else uses: what a run leaves behind is seen. */
const temporary = mkdtempSync(join(tmpdir(), 'millrace-start-test-'))
afterAll(() => rmSync(temporary, { recursive: true }))

const running = (args: readonly string[]) =>
  spawn(process.execPath, [join(import.meta.dirname, 'start.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: temporary },
  })

async function ended(child: ReturnType<typeof running>): Promise<Ended> {
  let out = ''
  let err = ''
  child.stdout.on('data', data => (out += data))
  child.stderr.on('data', data => (err += data))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

const start = (...args: string[]): Promise<Ended> => ended(running(args))

const resultOf = ({ out }: Ended): Record<string, any> => JSON.parse(out.trimEnd().split('\n').at(-1)!)

test(
  'a run of 5,000 payments shows every rule, refuses bad records by their codes, and adds up',
  { timeout: 60_000 },
  async () => {
    const run = await start('--count', '5000', '--seed', '7', '--json')
    expect(run.code).toBe(0)
    // Nothing but the result is on stdout.
    expect(run.out.split('\n').length).toBe(2)
    const result = resultOf(run)
    expect(Object.keys(result)).toEqual([
      'payments',
      'valid',
      'rejected',
      'duplicates',
      'late',
      'alerts',
      'alertsByRule',
      'rejectedByCode',
      'analytics',
      'seconds',
      'paymentsPerSecond',
    ])
    expect(result['payments']).toBe(5000)
    expect(result['payments']).toBe(result['valid'] + result['rejected'] + result['duplicates'])
    expect(Object.keys(result['alertsByRule'])).toEqual([
      'amount-10x',
      'geo-50km',
      'geo-speed',
      'high-amount',
      'velocity',
    ])
    expect(Object.keys(result['rejectedByCode']).length).toBeGreaterThanOrEqual(4)
    for (const name of ['duplicates', 'late', 'alerts', 'analytics', 'seconds', 'paymentsPerSecond'])
      expect(result[name]).toBeGreaterThan(0)
    expect(run.err).toContain('Metrics: http://127.0.0.1:')
    expect(run.err).toContain('5,000 payments in ')

    // The same again, but for how long it took; with other partitions too.
    const again = resultOf(
      await start('--count', '5000', '--seed', '7', '--json', '--partitions', '1', '--guarantee', 'at_least_once'),
    )
    const { seconds: _, paymentsPerSecond: __, ...counts } = result
    expect(again).toMatchObject(counts)
  },
)

test('the drill gives the counts that it was made for', { timeout: 60_000 }, async () => {
  const run = await start('--profile', 'drill', '--json')
  const { payments, valid, rejected, duplicates, late, alerts, alertsByRule, rejectedByCode } = drillExpected
  expect(resultOf(run)).toMatchObject({
    payments,
    valid,
    rejected,
    duplicates,
    late,
    alerts,
    alertsByRule,
    rejectedByCode,
  })
  expect(run.code).toBe(0)
  // Its state is gone with it.
  expect(readdirSync(temporary).filter(name => name.startsWith('millrace-'))).toEqual([])
})

test('an endless run serves its metrics, and ends at a signal with a summary', { timeout: 60_000 }, async () => {
  const child = running(['--rate', '500', '--http', '127.0.0.1:0'])
  const end = ended(child)
  const [first] = (await once(child.stdout, 'data')) as [Buffer]
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(first.toString())![0]
  const processed = async (): Promise<number> => {
    const text = await (await fetch(`${url}/metrics`)).text()
    return [...text.matchAll(/^millrace_records_processed_total\{.*topic="payments"\} (\d+)$/gm)].reduce(
      (sum, match) => sum + Number(match[1]),
      0,
    )
  }
  while ((await processed()) < 100) await fetch(`${url}/health/live`)
  expect((await fetch(`${url}/health/ready`)).status).toBe(200)
  child.kill('SIGINT')
  const { code, out } = await end
  expect(code).toBe(0)
  expect(out).toMatch(/\n[\d,]+ payments in [\d.]+ s /)
})

test.each([
  [['--cuont', '5'], 2, 'There is no option --cuont. Did you mean --count?'],
  [['--http', '0.0.0.0:9464'], 1, 'authenticates nobody'],
  [['--replay', 'no-such-file.csv'], 1, 'no-such-file.csv'],
  [['--seed', '3', '--profile', 'drill'], 2, '--seed is for the profile millrace only.'],
])('%j ends with one clear line', { timeout: 60_000 }, async (args, code, message) => {
  const run = await start(...args)
  expect({ code: run.code, out: run.out }).toEqual({ code, out: '' })
  expect(run.err).toContain(message)
  expect(run.err.trimEnd().split('\n').length).toBe(1)
})
