import { expect, test } from 'vitest'
import { analytics, fraudAlerts, paymentsLate, paymentsRejected } from '../../schemas/payments/topics.ts'
import { flagshipTopics } from '../cli/flagship.ts'
import { Harness } from '../testing/harness.ts'
import { figuresOf, imbalances } from './figures.ts'
import { OutcomeReader } from './outcomes.ts'
import { readings } from './testing.ts'

const alert = (...rules: readonly string[]): object => ({
  alertId: 'a',
  paymentId: 'p',
  customerId: 'c',
  merchantId: 'm',
  eventTime: 1,
  amountMinor: 1,
  currency: 'EUR',
  score: 800,
  level: 'CRITICAL',
  action: 'REVIEW',
  rulesScore: 800,
  fiveFactorScore: 0,
  modelScore: null,
  points: 800,
  hits: rules.map(ruleId => ({
    ruleId,
    points: 1,
    mode: 'ACTIVE',
    windowStart: null,
    windowEnd: null,
    observed: 1,
    threshold: 1,
    reason: '',
    evidence: [],
  })),
  factors: { amount: 0, velocity: 0, geographic: 0, device: 0, pattern: 0 },
  reasons: [],
  features: [],
  attributions: [],
  ruleSet: 'default',
  ruleSetVersion: 1,
  modelVersion: null,
  input: { topic: 'payments', partition: 0, offset: 0 },
})

const rejection = (...codes: readonly string[]): object => ({
  errors: codes.map(code => ({ code, field: '', message: '' })),
  paymentId: null,
  topic: 'payments',
  partition: 0,
  offset: 0,
  recordTime: 1,
  schemaId: null,
  format: 'avro',
  key: null,
  value: null,
  headers: [],
})

async function opened(): Promise<Harness> {
  const harness = new Harness()
  await harness.kafka.connect()
  await harness.kafka.admin().createTopics(flagshipTopics({ live: false }))
  return harness
}

const readerOf = ({ kafka, registry }: Harness, from: 'earliest' | 'latest'): Promise<OutcomeReader> =>
  OutcomeReader.open({ kafka, registry, from })

const send = (harness: Harness, values: readonly (readonly [any, unknown])[]): Promise<void> =>
  harness.produce(
    values.map(([topic, value], i) => ({
      topic,
      key: topic === paymentsRejected ? null : `k${i}`,
      value,
      timestamp: i,
    })),
  )

test('outcomes are counted from the topics, whatever their order', async () => {
  const harness = await opened()
  await send(harness, [
    [fraudAlerts, alert('velocity')],
    [paymentsRejected, rejection('ERR_TIME', 'ERR_AMOUNT')],
    [fraudAlerts, alert('velocity', 'geo-50km')],
    [paymentsRejected, rejection('ERR_TIME')],
  ])
  const reader = await readerOf(harness, 'earliest')
  await reader.finish()
  const { outcomes } = reader
  expect(outcomes).toMatchObject({ alerts: 2, rejected: 2, late: 0, analytics: 0 })
  expect([...outcomes.alertsByRule]).toEqual(
    expect.arrayContaining([
      ['velocity', 2],
      ['geo-50km', 1],
    ]),
  )
  expect([...outcomes.rejectedByCode]).toEqual(
    expect.arrayContaining([
      ['ERR_TIME', 2],
      ['ERR_AMOUNT', 1],
    ]),
  )
  // What it has counted is what may be deleted.
  expect(reader.positions.reduce((sum, { offset }) => sum + offset, 0)).toBe(4)
  await reader.close()

  const later = await readerOf(harness, 'latest')
  await send(harness, [[fraudAlerts, alert('amount-10x')]])
  await later.finish()
  expect(later.outcomes).toMatchObject({ alerts: 1, rejected: 0 })
  await later.close()
  await harness.close()
})

test('records of an aborted transaction do not count', async () => {
  const harness = await opened()
  const producer = harness.kafka.producer({ transactionalId: 'outcomes', transactionTimeoutMs: 10_000 })
  await producer.init()
  const value = Buffer.from('not decoded')
  for (const outcome of ['abort', 'commit'] as const) {
    for (const topic of [analytics.name, paymentsLate.name]) {
      producer.buffer(topic, 0).append(1, null, 0, 0, value, 0, value.length, null, 0, 0)
    }
    await producer.flush()
    await producer.end(outcome)
  }
  await producer.close()
  const reader = await readerOf(harness, 'earliest')
  await reader.finish()
  expect(reader.outcomes).toMatchObject({ late: 1, analytics: 1 })
  await reader.close()
  await harness.close()
})

test('figures join what was read with what was written, and say what does not add up', async () => {
  const harness = await opened()
  await send(
    harness,
    Array.from({ length: 7 }, () => [paymentsRejected, rejection('ERR_TIME')] as const),
  )
  const reader = await readerOf(harness, 'earliest')
  await reader.finish()
  const figures = figuresOf(readings(), reader.outcomes)
  // 90 + 10 valid, 4 rejected by validation and 3 dead letters, 3 duplicates: 110 read.
  expect(figures).toMatchObject({
    payments: 110,
    valid: 100,
    rejected: 7,
    duplicates: 3,
    rejectedByCode: { ERR_TIME: 7 },
  })
  expect(imbalances(figures, reader.outcomes)).toEqual([])
  expect(imbalances({ ...figures, payments: 111 }, reader.outcomes)).toEqual([
    '111 payments were read, but 100 valid + 7 rejected + 3 duplicates were counted',
  ])
  expect(imbalances({ ...figures, rejected: 6, valid: 101 }, reader.outcomes)).toEqual([
    '6 payments were rejected, but payments_rejected holds 7',
  ])
  await reader.close()
  await harness.close()
})
