import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MissingToolError } from '../../infra/java.ts'
import { startRegistry } from '../../infra/registry.ts'
import { UsageError } from '../cli/options.ts'
import { createLog } from '../observe/log.ts'
import { systemWorld } from '../world.ts'
import { type ChaosOptions, help, readOptions } from './options.ts'
import { countsFor } from './plan.ts'
import { runChaos } from './run.ts'

// `npm run chaos`.

/** Told one by one. */
const faultsMost = 40

const say = (line: string): void => void process.stderr.write(`${line}\n`)

async function run(options: ChaosOptions): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-chaos-'))
  const write = (line: string): void => void process.stderr.write(line)
  const world = systemWorld(createLog({ level: 'error', write, pretty: false }))
  const registry = await startRegistry({ progress: say })
  const { url: registryUrl } = registry
  let hasPassed = false
  try {
    const chaos = await runChaos({ ...options, counts: countsFor(options.minutes), registryUrl, folder, world, say })
    for (const fault of chaos.faults.slice(0, faultsMost)) say(`FAULT: ${fault}`)
    if (chaos.faults.length > faultsMost) say(`... and ${chaos.faults.length - faultsMost} more`)
    process.stdout.write(`${JSON.stringify(chaos.result)}\n`)
    const { lost, duplicated, outOfOrder } = chaos.result
    hasPassed = chaos.faults.length === 0 && lost === 0 && duplicated === 0 && outOfOrder === 0
  } finally {
    await registry.stop()
    if (hasPassed) rmSync(folder, { recursive: true, force: true })
    else say(`The logs of the replicas and the data of the brokers stay in ${folder}.`)
  }
  return hasPassed
}

process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))
try {
  const options = readOptions(process.argv.slice(2))
  if (options === null) process.stdout.write(help)
  else process.exitCode = (await run(options)) ? 0 : 1
} catch (error) {
  const isExpected = error instanceof UsageError || error instanceof MissingToolError
  say(`error: ${isExpected ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
process.stdout.write('', () => process.exit())
