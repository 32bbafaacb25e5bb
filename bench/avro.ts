import { Buffer } from 'node:buffer'
import { parseArgs } from 'node:util'
import avsc from 'avsc'
import { plain } from '../schemas/avro.ts'
import { AvroType } from '../schemas/avro/type.ts'
import { ByteWriter } from '../schemas/bytes.ts'
import { paymentSchema } from '../schemas/payments/schemas.ts'
import type { Payment } from '../schemas/payments/types.ts'

// Microseconds per payment, decoded and encoded in several ways. `node bench/avro.ts`; the best of the rounds counts.

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, records: { type: 'string', default: '200000' } },
})
const rounds = Number(values.rounds)
const records = Number(values.records)

const type = AvroType.of(paymentSchema)
const reference = avsc.Type.forSchema(paymentSchema as never)

function payment(i: number): Payment {
  return {
    paymentId: `pay-${String(1_000_000 + i)}`,
    eventTime: 1_740_960_000_000 + i * 37,
    customerId: `customer-${i % 50_000}`,
    merchantId: `merchant-${i % 2_000}`,
    amountMinor: 1_000 + ((i * 7919) % 500_000),
    currency: 'EUR',
    vatMinor: i % 900,
    commissionMinor: i % 200,
    totalMinor: i % 3 === 0 ? null : 2_000 + (i % 500_000),
    commissionType: 'TIERED',
    type: 'PURCHASE',
    status: 'APPROVED',
    failureReason: null,
    channel: 'MOBILE',
    method: 'CREDIT_CARD',
    cardScheme: 'VISA',
    category: 'food_service',
    product: null,
    geo: {
      latitude: 52.5 + i / 1e7,
      longitude: 13.4,
      country: 'DE',
      region: null,
      city: 'Berlin',
      postalCode: null,
      source: 'DEVICE',
    },
    device: {
      id: `device-${i % 70_000}`,
      os: 'iOS',
      osVersion: '17.1',
      model: 'iPhone15',
      appVersion: '4.2.0',
      browser: null,
      userAgent: null,
      ipAddress: '203.0.113.7',
      type: 'MOBILE',
      rooted: false,
    },
    customerType: null,
    customerSegment: 'loyal',
    accountBalanceMinor: null,
    processingMillis: 120,
    upstreamRisk: null,
    origin: 'millrace',
    attributes: {},
  }
}

const samples = Array.from({ length: 1_000 }, (_, i) => payment(i))
const encoded = samples.map(each => reference.toBuffer(each))
const batch = Buffer.concat(encoded)
const starts = encoded.reduce<number[]>((all, each) => [...all, all.at(-1)! + each.length], [0])

let sink = 0

/** Five fields, two of them texts, as rules and KPIs touch them. */
const touch = (value: Payment): void => {
  sink +=
    value.amountMinor +
    value.customerId.length +
    value.merchantId.length +
    value.eventTime +
    (value.status === 'APPROVED' ? 1 : 0)
}

function measure(name: string, work: (index: number) => void): void {
  let best = Infinity
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage()
    for (let i = 0; i < records; i++) work(i % samples.length)
    const { user, system } = process.cpuUsage(start)
    best = Math.min(best, (user + system) / records)
  }
  process.stdout.write(`${name.padEnd(44)} ${best.toFixed(3)} us\n`)
}

process.stdout.write(`payment of ${Math.round(batch.length / samples.length)} bytes, CPU time per record\n`)
measure('view: walk only', i => {
  sink += (type.own.read(batch, starts[i]!, starts[i + 1]!) as Payment).amountMinor
})
measure('view: 5 fields', i => touch(type.own.read(batch, starts[i]!, starts[i + 1]!) as Payment))
measure('view: 5 fields and the place', i => {
  const value = type.own.read(batch, starts[i]!, starts[i + 1]!) as Payment
  touch(value)
  sink += value.geo!.latitude!
})
measure('view: every field (plain)', i => touch(plain(type.own.read(batch, starts[i]!, starts[i + 1]!) as Payment)))
measure('avsc: decode, 5 fields', i => touch(reference.decode(batch, starts[i]!).value as Payment))

const out = new ByteWriter(1 << 16)
measure('encoder: plain object', i => {
  out.reset()
  type.encode(samples[i], out)
  sink += out.length
})
measure('avsc: encode into a buffer', i => {
  sink += reference.encode(samples[i], out.bytes, 0)
})
const views = samples.map((_, i) => type.own.read(batch, starts[i]!, starts[i + 1]!))
measure('encoder: a view, field by field', i => {
  out.reset()
  type.encode(views[i], out)
  sink += out.length
})
if (sink === 0) process.stdout.write('nothing was read\n')
