import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import type { Emission } from '../emission.ts'
import { openReplay, type ReplayFeed, type ReplayOptions } from './feed.ts'
import { parseMapping } from './mapping.ts'

const folder = await mkdtemp(join(tmpdir(), 'millrace-replay-'))
afterAll(() => rm(folder, { recursive: true }))

async function write(name: string, content: string | Buffer): Promise<string> {
  const file = join(folder, name)
  await writeFile(file, content)
  return file
}

async function drain(feed: ReplayFeed, batchSize = 3): Promise<Emission[]> {
  const all: Emission[] = []
  try {
    for (;;) {
      const batch = await feed.pull(batchSize)
      if (batch.length === 0) return all
      expect(batch.length).toBeLessThanOrEqual(batchSize)
      all.push(...batch)
    }
  } finally {
    await feed.close()
  }
}

const replay = async (options: ReplayOptions): Promise<Emission[]> => drain(await openReplay(options))

const handbook = `tx_id,ts,customer_id,terminal_id,amount,fraud,scenario
0,1522540831,596,3156,57.16,0,0
1,1522540930,4961,3412,81.5,0,0
2,1522541000,596,3156,0.00,1,3
`
const places = 'cust_lat,cust_long,merch_lat,merch_long'
const sparkov = `unix_time,cc_num,category,merchant,amt,is_fraud,${places},gender,dob,city_pop
1577836924,4111111111111111,shopping_net,"fraud_Rau, Sons",89.12,1,29.3,-98.5,29.644325,-98.235734,F,1997-05-05,15
1577836929,4111111111111111,gas_transport,Kutch LLC,212.77,0,32.6,-96.9,33.668299,-96.698031,F,1983-04-03,8
`

test('a handbook file is known by its header', async () => {
  const feed = await openReplay({ file: await write('h.csv', handbook) })
  expect(feed.name).toBe('h.csv as handbook')
  const emissions = await drain(feed, 2)
  expect(emissions.map(({ payment }) => [payment.paymentId, payment.amountMinor, payment.currency])).toEqual([
    ['h-0', 5716, 'EUR'],
    ['h-1', 8150, 'EUR'],
    ['h-2', 0, 'EUR'],
  ])
  expect(emissions[0]).toMatchObject({
    key: '596',
    timestamp: 1522540831000,
    label: { fraud: false, scenario: '', source: 'REPLAY' },
    expect: null,
    payment: {
      eventTime: 1522540831000,
      customerId: '596',
      merchantId: '3156',
      totalMinor: null,
      channel: 'POS',
      method: 'CREDIT_CARD',
      category: 'unknown',
      geo: null,
      device: null,
      origin: 'handbook',
    },
  })
  expect(emissions[2]!.label).toMatchObject({ fraud: true, scenario: '3' })
})

test('a sparkov file: tokens for card numbers, merchants without their prefix, places', async () => {
  const [first, second] = await replay({ file: await write('s.csv', sparkov) })
  expect(first!.payment).toMatchObject({
    paymentId: 's-1',
    merchantId: 'Rau, Sons',
    amountMinor: 8912,
    currency: 'USD',
    channel: 'ONLINE',
    category: 'shopping_net',
    geo: { latitude: 29.644325, longitude: -98.235734, source: 'MERCHANT' },
  })
  expect(second!.payment).toMatchObject({ paymentId: 's-2', merchantId: 'Kutch LLC', channel: 'POS' })
  expect(first!.payment.customerId).toMatch(/^[0-9a-f]{16}$/)
  expect(second!.payment.customerId).toBe(first!.payment.customerId)
  expect(JSON.stringify([first, second])).not.toContain('4111111111111111')
  expect(first!.label).toMatchObject({ fraud: true })
  const [other] = await replay({ file: await write('s2.csv', sparkov), tokenKey: 'secret' })
  expect(other!.payment.customerId).not.toBe(first!.payment.customerId)
})

test('gzip is told by the bytes of the file, not by its name', async () => {
  const plain = await replay({ file: await write('plain.csv', handbook) })
  expect(await replay({ file: await write('packed.csv', gzipSync(handbook)) })).toEqual(plain)
})

test('a damaged gzip file is an error, not a short file', async () => {
  const packed = gzipSync(handbook + '9,1522541000,1,2,3.00,0,0\n'.repeat(10_000))
  const file = await write('cut.csv.gz', packed.subarray(0, packed.length >> 1))
  await expect(replay({ file })).rejects.toThrow('unexpected end of file')
})

test('records can be sent later than they took place', async () => {
  const [first] = await replay({ file: await write('late.csv', handbook), transportMs: 1500 })
  expect(first!.timestamp).toBe(first!.payment.eventTime + 1500)
})

const bad = handbook.replace('81.5,', '81.555,')

test('a row that cannot become a payment stops the replay, and is told by line and field', async () => {
  await expect(replay({ file: await write('bad.csv', bad) })).rejects.toThrow(
    'bad.csv as handbook, line 3, field "amountMinor": "81.555" has more than 2 decimals, ' +
      'the most that its currency has (ERR_RANGE). Skip such rows with --skip-bad-rows.',
  )
})

test('or is skipped and counted, when asked for', async () => {
  const feed = await openReplay({ file: await write('bad.csv', bad), badRows: 'skip' })
  expect((await drain(feed)).map(({ payment }) => payment.paymentId)).toEqual(['h-0', 'h-2'])
  expect(feed.skipped).toEqual({ rows: 1, first: expect.stringContaining('line 3, field "amountMinor"') })
})

test('a mapping of one own', async () => {
  const mapping = parseMapping('own', {
    fields: {
      paymentId: { reader: 'text', column: 'id' },
      eventTime: { reader: 'epochMillis', column: 'ms' },
      customerId: { reader: 'text', column: 'who' },
      merchantId: { reader: 'const', value: 'shop' },
      amountMinor: { reader: 'decimal', column: 'paid' },
      currency: { reader: 'const', value: 'EUR' },
    },
  })
  const file = await write('own.csv', 'ms,id,paid,who\n1740981600123,a,1.00,ann\n')
  const [only] = await replay({ file, mapping })
  expect(only).toMatchObject({ key: 'ann', timestamp: 1740981600123, label: null, payment: { amountMinor: 100 } })
})

test('files that cannot be replayed', async () => {
  await expect(replay({ file: join(folder, 'none.csv') })).rejects.toThrow('ENOENT')
  await expect(replay({ file: await write('empty.csv', '') })).rejects.toThrow('empty.csv is empty')
  await expect(replay({ file: await write('odd.csv', 'a,b\n1,2\n') })).rejects.toThrow(
    'odd.csv begins with a,b, which is the header of no ready mapping (handbook and sparkov). ' +
      'Name a mapping file with --mapping.',
  )
  await expect(replay({ file: await write('quote.csv', `${handbook}3,"4"5,6,7,8,9,0\n`) })).rejects.toThrow(
    'quote.csv, line 5: A closing quote is followed by 5',
  )
})

test('a feed can be closed before its end', async () => {
  const feed = await openReplay({
    file: await write('long.csv', handbook + '9,1522541000,1,2,3.00,0,0\n'.repeat(50_000)),
  })
  expect((await feed.pull(10)).length).toBe(10)
  await feed.close()
  expect((await feed.pull(100_000)).length).toBeLessThan(50_000)
})

// The public data sets are no part of the project. Where they lie beside it, in ../shared/data, their published
// totals are checked too; where they do not, these two tests do not exist, and the output says so.
const data = (name: string): string => new URL(`../../../shared/data/${name}`, import.meta.url).pathname

for (const { name, payments, amountMinor, frauds } of [
  { name: 'handbook-payments-2018-04-to-08.csv.gz', payments: 1_466_282, amountMinor: 7_864_433_283, frauds: 12_134 },
  { name: 'sparkov-cards-2020-h1.csv.gz', payments: 436_301, amountMinor: 3_395_940_581, frauds: 9_403 },
]) {
  if (!existsSync(data(name))) {
    console.warn(`Not run: the totals of ${name}, which is not in ../shared/data.`)
    continue
  }
  test(`the totals of ${name}`, { timeout: 60_000 }, async () => {
    const feed = await openReplay({ file: data(name) })
    const totals = { payments: 0, amountMinor: 0, frauds: 0 }
    for (let batch = await feed.pull(2000); batch.length > 0; batch = await feed.pull(2000)) {
      totals.payments += batch.length
      for (const { payment, label } of batch) {
        totals.amountMinor += payment.amountMinor
        if (label!.fraud) totals.frauds++
      }
    }
    expect(totals).toEqual({ payments, amountMinor, frauds })
  })
}
