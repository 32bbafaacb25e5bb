import { Buffer } from 'node:buffer'
import { expect, inject, test } from 'vitest'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { Payment } from '../../schemas/payments/types.ts'
import { restRegistry } from '../../schemas/registry-rest.ts'
import type { Emission } from '../../topology/fraud/oracle/emission.ts'
import { noon, paymentOf } from '../../topology/fraud/oracle/payment.ts'
import { encodeHeaders } from '../../schemas/headers.ts'
import { endOfInputHeader } from '../../schemas/end-of-input.ts'
import { bind, createTopics } from '../testing/flagship-testing.ts'
import { addressesOf, connect, dropAfterwards, freshPrefix, openFlagship } from '../testing/real-kafka-testing.ts'
import { judge, readWritten } from '../testing/written-testing.ts'
import { silentLog, systemWorld } from '../world.ts'

interface Bad {
  readonly what: string
  readonly code: string
  /** Changes the payment. */
  readonly change?: (payment: Payment) => Payment
  /** Changes the bytes of the value. */
  readonly spoil?: (value: Buffer) => Buffer | null
  readonly withoutKey?: boolean
}

const withId = (value: Buffer, id: number): Buffer => {
  const copy = Buffer.from(value)
  copy.writeInt32BE(id, 1)
  return copy
}

const tenYearsMs = 3652 * 86_400_000
const bads: readonly Bad[] = [
  { what: 'unknown schema id', code: 'ERR_SCHEMA', spoil: value => withId(value, 0x7ffffff0) },
  { what: 'truncated Avro', code: 'ERR_DECODE', spoil: value => value.subarray(0, value.length - 3) },
  { what: 'empty value', code: 'ERR_EMPTY', spoil: () => Buffer.alloc(0) },
  { what: 'null value', code: 'ERR_EMPTY', spoil: () => null },
  { what: 'null key', code: 'ERR_KEY', withoutKey: true },
  { what: 'wrong magic', code: 'ERR_FRAME', spoil: value => Buffer.concat([Buffer.from([1]), value.subarray(1)]) },
  { what: 'total off by one', code: 'ERR_AMOUNT', change: payment => ({ ...payment, totalMinor: 2_001 }) },
  { what: 'ten years ahead', code: 'ERR_TIME', change: it => ({ ...it, eventTime: it.eventTime + tenYearsMs }) },
]

const world = systemWorld(silentLog)
const registry = restRegistry({ url: inject('schemaRegistryUrl') })

test('each bad record is rejected with its code and its bytes, and no window sees it', async () => {
  const kafka = await connect(addressesOf(inject('kafkaBrokers')), world)
  const prefix = freshPrefix('bad')
  dropAfterwards(kafka, prefix)
  const topics = await createTopics(kafka, prefix, 1)
  const serde = await bind(topics.payments, registry)
  const producer = kafka.producer({ transactionalId: null, transactionTimeoutMs: 10_000 })
  await producer.init()
  const buffer = producer.buffer(topics.payments.name, 0)
  const emissions: Emission[] = []
  const originals: { readonly what: string; readonly code: string; key: Buffer | null; value: Buffer | null }[] = []

  const emit = (payment: Payment, bad?: Bad): void => {
    const recordTime = payment.eventTime
    const changed = bad?.change?.(payment) ?? payment
    const out = new ByteWriter(256)
    serde.write(changed, out)
    const value = bad?.spoil === undefined ? out.copy() : bad.spoil(out.copy())
    const key = bad?.withoutKey === true ? null : Buffer.from(payment.customerId)
    buffer.append(recordTime, key, 0, key?.length ?? 0, value, 0, value?.length ?? 0, null, 0, 0)
    const isUnreadable = bad?.spoil !== undefined
    emissions.push({
      topic: topics.payments.name,
      partition: 0,
      offset: emissions.length,
      key: key?.toString() ?? null,
      recordTime,
      payment: isUnreadable ? null : changed,
      ...(isUnreadable ? { failure: bad!.code } : {}),
    })
    if (bad !== undefined) originals.push({ what: bad.what, code: bad.code, key, value })
  }

  // A customer for each: five payments, the bad one, and a sixth, which is the first that may make an alert.
  for (const [at, bad] of bads.entries()) {
    for (let n = 0; n < 7; n++) {
      const eventTime = noon + at * 300_000 + n * 1000
      const payment = paymentOf({ paymentId: `p-${at}-${n}`, customerId: `c-${at}`, eventTime, totalMinor: 2_000 })
      emit(payment, n === 5 ? bad : undefined)
    }
  }
  const mark = encodeHeaders([{ name: endOfInputHeader, value: Buffer.alloc(0) }])
  buffer.append(noon, null, 0, 0, null, 0, 0, mark, 0, mark.length)
  await producer.flush()
  await producer.close()

  const app = await openFlagship({ kafka, registry, world }, prefix)
  await app.start()
  await app.ended
  await app.stop()
  await app.done

  const written = await readWritten(kafka, registry, topics)
  expect(
    written.rejected.map(({ value }) => ({ codes: value.errors.map(error => error.code), offset: value.offset })),
  ).toEqual(originals.map(({ code }, at) => ({ codes: [code], offset: at * 7 + 5 })))
  for (const [at, { key, value, what }] of originals.entries()) {
    const rejected = written.rejected[at]!
    expect({ key: rejected.value.key, value: rejected.value.value }, what).toEqual({ key, value })
    expect(rejected.row.key, what).toEqual(key)
  }
  // One more or one less in a window would show: exactly six payments within the two minutes.
  expect(written.alerts.map(({ value }) => [value.paymentId, value.hits.map(hit => hit.observed)])).toEqual(
    bads.map((_, at) => [`p-${at}-6`, [6]]),
  )
  expect(judge(written, emissions).lines).toEqual([])
})
