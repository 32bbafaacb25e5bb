import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { Harness } from '../testing/harness.ts'
import { readCommand } from './command.ts'
import { flagshipTopics } from './flagship.ts'
import { type ProcessorContext, runProcessor } from './run.ts'

// What `npm run processor` does once it is connected, on the embedded broker.

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function prepare(...args: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-run-'))
  folders.push(folder)
  const harness = new Harness()
  const stop = new AbortController()
  const said: string[] = []
  let written = ''
  const options = readCommand(['--state', folder, '--http', '127.0.0.1:0', ...args], {
    KAFKA_BROKERS: 'embedded:1',
    SCHEMA_REGISTRY_URL: 'http://in-process',
  })
  if (options.command !== 'run') throw new Error('not a run')
  let heard: () => void = () => undefined
  const context: ProcessorContext = {
    kafka: harness.kafka,
    registry: harness.registry,
    world: harness.world,
    output: { write: text => (written += text) },
    colours: false,
    signal: stop.signal,
    say(line) {
      said.push(line)
      heard()
    },
    waitForKafka: () => harness.kafka.connect().then(() => true),
  }
  const saying = async (line: string): Promise<void> => {
    while (!said.includes(line)) {
      await new Promise<void>(resolve => {
        heard = resolve
      })
    }
  }
  return { harness, folder, options, context, stop, said, saying, written: () => written }
}

test.each([
  ['payments', /'payments'.*npm run init/],
  ['fraud_alerts', /'fraud_alerts', which does not exist.*npm run init/],
])('a missing topic %s is refused, with what creates it', async (missing, message) => {
  const { harness, options, context } = prepare()
  await harness.kafka.connect()
  await harness.kafka.admin().createTopics(flagshipTopics({ live: false }).filter(({ name }) => name !== missing))
  await expect(runProcessor(options, context)).rejects.toMatchObject({
    code: 'TOPIC_MISSING',
    message: expect.stringMatching(message),
  })
  await harness.close()
})

test('it runs until it is told to stop, and lets go of state and port', async () => {
  const { harness, options, context, stop, said, saying, written, folder } = prepare('--summary')
  await harness.kafka.connect()
  await harness.kafka.admin().createTopics(flagshipTopics({ live: false }))
  const done = runProcessor(options, context)
  await saying('running')
  expect(said[0]).toContain(`instance instance-0, state in ${join(folder, 'instance-0')}, exactly_once`)
  await expect(runProcessor({ ...options, instance: 'instance-0' }, context)).rejects.toMatchObject({
    code: 'STATE_IN_USE',
  })
  stop.abort()
  await done
  expect(said.at(-1)).toBe('stopped')
  expect(written()).toContain('\n0 payments in ')
  const again = prepare()
  const url = /http:\/\/[\d.:]+/.exec(said[0]!)![0]
  await expect(fetch(`${url}/metrics`)).rejects.toThrow()
  await again.harness.close()
  await harness.close()
})

test('with a token file the metrics are for who has the token', async () => {
  const { harness, options, context, stop, said, saying, folder } = prepare()
  await harness.kafka.connect()
  await harness.kafka.admin().createTopics(flagshipTopics({ live: false }))
  const httpTokenFile = join(folder, 'token')
  await expect(runProcessor({ ...options, httpTokenFile }, context)).rejects.toThrow('cannot be read')
  const token = 'y'.repeat(40)
  writeFileSync(httpTokenFile, `${token}\n`)
  const done = runProcessor({ ...options, httpTokenFile }, context)
  await saying('running')
  const url = `${/http:\/\/[\d.:]+/.exec(said[0]!)![0]}/metrics`
  expect((await fetch(url)).status).toBe(401)
  expect((await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200)
  expect(said.join()).not.toContain(token)
  stop.abort()
  await done
  await harness.close()
})

test('without a name it is known by what it keeps in its folder: it comes back as who it was', async () => {
  const { harness, options, context, stop, saying } = prepare()
  await harness.kafka.connect()
  await harness.kafka.admin().createTopics(flagshipTopics({ live: false }))
  const names: (string | null)[] = []
  const joinGroup = harness.kafka.join.bind(harness.kafka)
  harness.kafka.join = (group, handlers) => {
    names.push(group.instanceId)
    return joinGroup(group, handlers)
  }
  const first = runProcessor(options, context)
  await saying('running')
  stop.abort()
  await first
  const again = new AbortController()
  const second = runProcessor(options, { ...context, signal: again.signal, say: () => undefined })
  while (names.length < 2) await harness.world.scheduler.yield()
  again.abort()
  await second
  expect(names[0]).toMatch(/^fraud-instance-0-[0-9a-f]{16}-0$/)
  expect(names[1]).toBe(names[0])
  await harness.close()
})
