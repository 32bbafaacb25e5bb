import { expect, test } from 'vitest'
import { int64, json, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { count, sum } from '../../topology/counting.ts'
import { topology } from '../../topology/stream.ts'
import { memoryStores } from '../state/memory.ts'
import { Harness, type Input } from '../testing/harness.ts'
import { TestProcess } from '../testing/process-testing.ts'

const any = json<any>('any', value => value)
const payments = topic('payments', text, int64)
const counts = topic('counts', text, any)

test('x', async () => {
  const t = topology('counting')
  t.stream(payments).groupByKey().aggregate('totals', { n: count(), total: sum(value => value) }).changes().to(counts)
  const harness = new Harness()
  await harness.createTopics(t, 2)
  const inputs: Input[] = Array.from({ length: 200 }, (_, i) => ({ topic: payments, key: `k${i % 7}`, value: i, timestamp: i }))
  for (let i = 0; i < 200; i += 20) await harness.produce(inputs.slice(i, i + 20), i === 180 ? [payments] : [])
  const started = performance.now()
  const p = new TestProcess(harness, t, { stores: memoryStores() })
  await p.run()
  console.log(performance.now() - started, p.app.read().commits, p.steps.join(' '))
  const out = await harness.read(counts)
  expect(out.length).toBe(200)
  await harness.close()
})
