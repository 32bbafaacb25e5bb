import { expect, inject, test } from 'vitest'
import { tcpTransport } from '../kafka/native/tcp.ts'
import type { BrokerAddress, Transport } from '../ports.ts'
import { silentLog, systemWorld } from '../world.ts'
import { embeddedBroker } from './broker.ts'
import { manualWorld } from './manual-world.ts'
import { Script, type Step } from './script-testing.ts'

// The same scripts of requests, right and wrong ones, against a real broker and the embedded one: error codes, epochs
// and logs must be equal.

const scripts = 300
const stepsPerScript = 18

const real: Transport = tcpTransport({
  bootstrap: inject('kafkaBrokers')
    .split(',')
    .map((address): BrokerAddress => {
      const [host = '', port] = address.split(':')
      return { host, port: Number(port) }
    }),
})

function drawScript(seed: number): Step[] {
  const { random } = manualWorld({ seed })
  for (let turn = 0; turn < 8; turn++) random.next()
  const pick = <Value>(...values: readonly Value[]): Value => values[Math.floor(random.next() * values.length)] as Value
  const draw = (): Step => {
    const who = pick('latest', 'latest', 'latest', 'latest', 'latest', 'older', 'first', 'future', 'unknown')
    const partition = pick(0, 1)
    switch (
      pick(
        'init',
        'produce',
        'produce',
        'produce',
        'produce',
        'end',
        'end',
        'end',
        'resend',
        'add',
        'addOffsets',
        'offsets',
      )
    ) {
      case 'init':
        return { kind: 'init', who: pick('nobody', 'nobody', who) }
      case 'produce': {
        const transactional = pick(true, true, true, true, true, false)
        const sequence = pick('next', 'next', 'next', 'same', 'gap')
        // A plain batch of an epoch that the coordinator never gave out stops the markers of a real broker for ever.
        const from = transactional || who !== 'future' ? who : 'latest'
        return { kind: 'produce', who: from, partition, version: pick(12, 12, 12, 11), sequence, transactional }
      }
      case 'end':
        return { kind: 'end', who, committed: pick(true, false), version: pick(5, 5, 5, 3) }
      case 'resend':
        return { kind: 'resend', opposite: pick(false, true) }
      case 'add':
        return { kind: 'add', who, partition }
      case 'addOffsets':
        return { kind: 'addOffsets', who }
      default:
        return { kind: 'offsets', who, version: pick(5, 5, 4, 3), generation: pick(-1, -1, 3) }
    }
  }
  return [{ kind: 'init', who: 'nobody' }, ...Array.from({ length: stepsPerScript }, draw)]
}

test(
  `${scripts} scripts of transactions: the embedded broker answers as the real one`,
  { timeout: 300_000 },
  async () => {
    const world = systemWorld(silentLog)
    const embedded = embeddedBroker({ world })
    const name = `scripts-${world.clock.now()}`
    let differences = 0
    const seen = new Map<string, number>()
    for (let seed = 1; seed <= scripts; seed++) {
      const steps = drawScript(seed)
      const run = (transport: Transport): Promise<string[]> =>
        new Script(transport, world, `${name}-${seed}`).run(steps)
      const actual = await run(embedded.transport())
      const expected = await run(real)
      for (const line of expected) {
        const answer = line.split(' -> ')[0]?.split(' ')[0] + ' ' + (line.split(' -> ')[1]?.split(' ')[0] ?? '')
        seen.set(answer, (seen.get(answer) ?? 0) + 1)
      }
      if (JSON.stringify(actual) === JSON.stringify(expected)) continue
      differences++
      expect.soft({ seed, lines: actual }).toEqual({ seed, lines: expected })
      if (differences >= 5) break
    }
    embedded.close()
    expect(differences).toBe(0)
    // Scripts in which nothing goes wrong, or everything, would prove little.
    expect(Object.fromEntries(seen)).toMatchObject({
      'init NONE': expect.any(Number),
      'init PRODUCER_FENCED': expect.any(Number),
      'produce NONE': expect.any(Number),
      'produce INVALID_PRODUCER_EPOCH': expect.any(Number),
      'produce OUT_OF_ORDER_SEQUENCE_NUMBER': expect.any(Number),
      'produce TRANSACTION_ABORTABLE': expect.any(Number),
      'end NONE': expect.any(Number),
      'end PRODUCER_FENCED': expect.any(Number),
      'end INVALID_TXN_STATE': expect.any(Number),
      'resend NONE': expect.any(Number),
      'add NONE': expect.any(Number),
      'add PRODUCER_FENCED': expect.any(Number),
      'offsets NONE': expect.any(Number),
      'offsets ILLEGAL_GENERATION': expect.any(Number),
      'offsets TRANSACTION_ABORTABLE': expect.any(Number),
    })
  },
)
