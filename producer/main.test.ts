import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'

// Each run starts Node, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const folder = await mkdtemp(join(tmpdir(), 'millrace-producer-'))
afterAll(() => rm(folder, { recursive: true }))

interface Ended {
  readonly code: number
  readonly out: string
  readonly error: string
}

/** Runs the command as a user does, without brokers in the environment. */
const run = (...args: string[]): Promise<Ended> =>
  new Promise(resolve => {
    const main = new URL('main.ts', import.meta.url).pathname
    const env = { ...process.env, KAFKA_BROKERS: '', SCHEMA_REGISTRY_URL: '' }
    execFile(process.execPath, [main, ...args], { env, maxBuffer: 1 << 26 }, (error, out, said) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, error: said })
    })
  })

test('a dry run prints the records as lines of JSON', async () => {
  const { code, out } = await run('--dry-run', '--count', '25', '--seed', '7')
  expect(code).toBe(0)
  const lines = out.trimEnd().split('\n')
  expect(lines.length).toBe(25)
  expect(JSON.parse(lines[0]!)).toMatchObject({
    payment: { paymentId: 'p7-0', origin: 'millrace' },
    expect: { kind: 'valid' },
  })
})

test('a dry run of the drill, counted', async () => {
  const { code, out } = await run('--dry-run', '--statistics', '--profile', 'drill')
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({
    records: 11_734,
    kinds: { valid: 11_609, late: 10, duplicate: 25, rejected: 90 },
    codes: { ERR_AMOUNT: 15, ERR_TIME: 25, ERR_DUPLICATE: 5 },
    fraudPayments: { VELOCITY: 160, COLLUSION: 20 },
  })
})

test('a replay with a mapping file, bad rows skipped and told', async () => {
  const column = (name: string, reader = 'text') => ({ reader, column: name })
  const fields = {
    paymentId: column('id'),
    eventTime: column('at', 'epochMillis'),
    customerId: column('who'),
    merchantId: column('where'),
    amountMinor: column('paid', 'decimal'),
    currency: { reader: 'const', value: 'EUR' },
  }
  await writeFile(join(folder, 'm.json'), JSON.stringify({ fields }))
  await writeFile(join(folder, 'a.csv'), 'id,at,who,where,paid\n1,1740981600123,ann,bob,1.00\n2,soon,ann,bob,1.00\n')
  const args = ['--dry-run', '--replay', join(folder, 'a.csv'), '--mapping', join(folder, 'm.json')]
  const { code, out, error } = await run(...args, '--skip-bad-rows')
  expect({ code, lines: out.trimEnd().split('\n').length }).toEqual({ code: 0, lines: 1 })
  expect(error).toBe(
    '1 rows were skipped. The first: a.csv as ' +
      join(folder, 'm.json') +
      ', line 3, field "eventTime": "soon" is no whole number\n',
  )
  expect(await run(...args)).toMatchObject({
    code: 1,
    error: expect.stringContaining('Skip such rows with --skip-bad-rows.'),
  })
})

test('what a user does wrong is one line: 2 for the command line, 1 for the rest', async () => {
  expect(await run('--rat', '5')).toEqual({
    code: 2,
    out: '',
    error: 'There is no option --rat; did you mean "--rate"?\n',
  })
  expect(await run('--dry-run', '--replay', 'none.csv')).toMatchObject({
    code: 1,
    error: expect.stringMatching(/^ENOENT.*\n$/),
  })
})

test('help goes to standard output', async () => {
  expect(await run('--help')).toMatchObject({
    code: 0,
    out: expect.stringContaining('npm run producer -- [options]'),
    error: '',
  })
})
