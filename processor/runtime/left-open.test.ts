import { expect, test } from 'vitest'
import { int64, text } from '../../schemas/serdes.ts'
import { topic } from '../../schemas/topic.ts'
import { topology } from '../../topology/stream.ts'
import { Harness, type Input } from '../testing/harness.ts'

const payments = topic('payments', text, int64)
const out = topic('out', text, int64)
const poison = 99

test('an application that fails in a transaction ends that: readers do not wait for its timeout', async () => {
  const t = topology('app', { onFailure: 'fail' })
  t.stream(payments)
    .map(value => {
      if (value === poison) throw new Error('no 99')
      return value
    })
    .to(out)
  const harness = new Harness()
  await harness.createTopics(t, 1)
  const app = harness.app(t, { commitIntervalMs: 10_000, sendBytes: 0 })
  await app.start()
  const input = (value: number): Input => ({ topic: payments, key: 'k', value, timestamp: value })
  await harness.produce([input(1), input(2)])
  // Sent, and not committed.
  while ((await harness.read(out, 'read_uncommitted')).length < 2) await harness.world.scheduler.sleep(5)
  await harness.produce([input(poison)])
  await expect(app.done).rejects.toThrow('no 99')
  const [ends] = await harness.kafka.admin().offsets([{ topic: out.name, partition: 0 }], 'latest', 'read_committed')
  const [all] = await harness.kafka.admin().offsets([{ topic: out.name, partition: 0 }], 'latest', 'read_uncommitted')
  expect(all!.offset).toBeGreaterThan(2)
  expect(ends!.offset).toBe(all!.offset)
  expect(await harness.read(out)).toEqual([])
  await harness.close()
})
