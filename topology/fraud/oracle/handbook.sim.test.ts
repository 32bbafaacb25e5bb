import type { Buffer } from 'node:buffer'
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { Payment } from '../../../schemas/payments/types.ts'
import type { Emission } from './emission.ts'
import { expected } from './oracle.ts'
import { paymentOf } from './payment.ts'

// The Fraud Detection Handbook's data has no licence, so it is no part of the project: run where it lies beside it.
const file = new URL('../../../../shared/data/handbook-payments-2018-04-to-08.csv.gz', import.meta.url)

function* emissionsOf(csv: Buffer, counted: { rows: number; sumMinor: number }): Generator<Emission> {
  const text = gunzipSync(csv).toString('latin1')
  let start = text.indexOf('\n') + 1
  while (start < text.length) {
    const end = text.indexOf('\n', start)
    const [id, seconds, customerId, merchantId, amount] = text.slice(start, end).split(',')
    start = end + 1
    const [major, minor] = amount!.split('.')
    const payment: Payment = paymentOf({
      paymentId: `h-${id}`,
      eventTime: Number(seconds) * 1000,
      customerId: customerId!,
      merchantId: merchantId!,
      amountMinor: Number(major) * 100 + Number(minor!.padEnd(2, '0')),
    })
    counted.sumMinor += payment.amountMinor
    yield {
      topic: 'payments',
      partition: 0,
      offset: counted.rows++,
      key: payment.customerId,
      recordTime: payment.eventTime,
      payment,
    }
  }
}

const known = (): void => {
  const csv = readFileSync(file)
  const counted = { rows: 0, sumMinor: 0 }
  const found = expected(emissionsOf(csv, counted), { figures: false })
  expect(counted).toEqual({ rows: 1_466_282, sumMinor: 7_864_433_283 })
  expect(found).toMatchObject({ payments: 1_466_282, valid: 1_466_282, rejected: [], duplicates: [], late: [] })
  expect(found.alertsByRule).toEqual({ 'amount-10x': 21, 'high-amount': 6 })
}

if (existsSync(file)) test('the handbook file has the known numbers of hits', { timeout: 300_000 }, known)
else test('the handbook file is not beside the project', () => expect(existsSync(file)).toBe(false))
