import { restRegistry } from '../schemas/registry-rest.ts'
import type { Registry } from '../schemas/registry.ts'
import { describe } from '../topology/describe.ts'
import { fraudTopology } from '../topology/fraud/topology.ts'
import { type Command, help, type Reach, readCommand } from './cli/command.ts'
import { exitCodeOf, failureText } from './cli/fail.ts'
import { runProcessor } from './cli/run.ts'
import { sayWhileWaiting, waitingRegistry } from './cli/waiting.ts'
import { init } from './init.ts'
import { nativeKafka } from './kafka/native/client.ts'
import { tcpTransport } from './kafka/native/tcp.ts'
import { createLog, type LogLevel } from './observe/log.ts'
import type { Kafka, World } from './ports.ts'
import { systemWorld } from './world.ts'

const sayMs = 1500

const say = (line: string): void => void process.stderr.write(`${line}\n`)

/** The first signal ends the program in good order, the second at once. */
function stopOnSignal(): AbortSignal {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return controller.signal
}

interface Outside {
  readonly kafka: Kafka
  readonly registry: Registry
  readonly world: World
  readonly signal: AbortSignal
}

function reach({ brokers, registryUrl }: Reach, level: LogLevel): Outside {
  const signal = stopOnSignal()
  const write = (line: string): void => void process.stderr.write(line)
  const world = systemWorld(createLog({ level, write, pretty: process.stderr.isTTY }))
  const kafka = nativeKafka({ transport: tcpTransport({ bootstrap: brokers }), world, clientId: 'millrace' })
  const registry = waitingRegistry({
    registry: restRegistry({ url: registryUrl }),
    scheduler: world.scheduler,
    signal,
    say,
  })
  return { kafka, registry, world, signal }
}

/** Waits for a broker, for as long as it takes, and says so. False: stopped meanwhile. */
async function connect({ kafka, world, signal }: Outside, { brokers }: Reach): Promise<boolean> {
  const names = brokers.map(({ host, port }) => `${host}:${port}`).join(', ')
  const line = `Waiting: no broker answers at ${names}. Is Kafka running there (npm run up)?`
  try {
    await sayWhileWaiting(kafka.connect(signal), line, sayMs, { scheduler: world.scheduler, signal, say })
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return !signal.aborted
}

async function execute(command: Command): Promise<void> {
  switch (command.command) {
    case 'help':
      process.stdout.write(help)
      return
    case 'describe':
      process.stdout.write(describe(fraudTopology(), command.format))
      return
    case 'init': {
      const outside = reach(command, command.logLevel)
      try {
        if (!(await connect(outside, command))) process.exitCode = 130
        else await init({ admin: outside.kafka.admin(), registry: outside.registry, live: command.live, say })
      } finally {
        await outside.kafka.close()
      }
      return
    }
    case 'run': {
      const outside = reach(command, command.logLevel)
      try {
        const colours = process.env['NO_COLOR'] === undefined
        const waitForKafka = (): Promise<boolean> => connect(outside, command)
        await runProcessor(command, { ...outside, output: process.stdout, colours, say, waitForKafka })
      } finally {
        await outside.kafka.close()
      }
    }
  }
}

async function main(): Promise<void> {
  process.stdout.on('error', () => process.exit(0))
  let withStack = false
  try {
    const command = readCommand(process.argv.slice(2), process.env)
    withStack = 'logLevel' in command && command.logLevel === 'debug'
    await execute(command)
  } catch (error) {
    process.exitCode = exitCodeOf(error)
    say(failureText(error, withStack))
  }
}

await main()
// Handles of libraries may not hold the process: everything of ours is closed. What was written is on its way out
// first.
process.stdout.write('', () => process.exit())
