import { expect, test } from 'vitest'
import { silentLog, systemWorld } from '../world.ts'
import { embeddedBroker } from './broker.ts'
import { readRecording } from './recording-testing.ts'
import { Script } from './script-testing.ts'

// Scripts of transactional requests, right and wrong ones: the embedded broker gives the error codes, epochs and logs
// that were recorded from a real one. That a real one still gives them is seen in transactions.kafka.test.ts.

const recording = readRecording()

test(`${recording.length} recorded scripts of transactions: the embedded broker answers as the real one`, async () => {
  const world = systemWorld(silentLog)
  const broker = embeddedBroker({ world })
  let differences = 0
  for (const { seed, steps, lines } of recording) {
    const actual = await new Script(broker.transport(), world, `script-${seed}`).run(steps)
    if (JSON.stringify(actual) === JSON.stringify(lines)) continue
    expect.soft({ seed, lines: actual }).toEqual({ seed, lines })
    if (++differences >= 5) break
  }
  broker.close()
  expect(differences).toBe(0)
})

test('in the recorded scripts things go right and wrong in many ways', () => {
  const seen = new Set<string>()
  for (const line of recording.flatMap(({ lines }) => lines)) {
    const [step = '', answer = ''] = line.split(' -> ')
    seen.add(`${step.split(' ')[0]} ${answer.split(' ')[0]}`)
  }
  for (const expected of [
    'init NONE',
    'init PRODUCER_FENCED',
    'produce NONE',
    'produce INVALID_PRODUCER_EPOCH',
    'produce OUT_OF_ORDER_SEQUENCE_NUMBER',
    'produce TRANSACTION_ABORTABLE',
    'end NONE',
    'end PRODUCER_FENCED',
    'end INVALID_TXN_STATE',
    'resend NONE',
    'add NONE',
    'add PRODUCER_FENCED',
    'offsets NONE',
    'offsets ILLEGAL_GENERATION',
    'offsets TRANSACTION_ABORTABLE',
  ])
    expect(seen).toContain(expected)
})
