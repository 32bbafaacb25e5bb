import { expect, inject, test } from 'vitest'
import { tcpTransport } from '../kafka/native/tcp.ts'
import { addressesOf } from '../testing/real-kafka-testing.ts'
import { silentLog, systemWorld } from '../world.ts'
import { readRecording } from './recording-testing.ts'
import { Script } from './script-testing.ts'

test('what a real broker answered when it was recorded, a real broker answers now', { timeout: 300_000 }, async () => {
  const world = systemWorld(silentLog)
  const transport = tcpTransport({ bootstrap: addressesOf(inject('kafkaBrokers')) })
  const name = `scripts-${world.clock.now()}`
  let differences = 0
  for (const { seed, steps, lines } of readRecording()) {
    const actual = await new Script(transport, world, `${name}-${seed}`).run(steps)
    if (JSON.stringify(actual) === JSON.stringify(lines)) continue
    expect.soft({ seed, lines: actual }).toEqual({ seed, lines })
    if (++differences >= 5) break
  }
  expect(differences).toBe(0)
})
