import { readFileSync } from 'node:fs'
import { isMainThread } from 'node:worker_threads'
import { doorPort, observeUrl } from './docker-address.ts'
import { openDoor } from './docker-door.ts'

// `node --import ./infra/docker-preload.js processor/main.js`: the processor with a door for Prometheus, in the same
// process, when METRICS_TOKEN_FILE names the file with the token. Threads preload too, and there is one door.

const file = process.env['METRICS_TOKEN_FILE'] ?? ''
if (file !== '' && isMainThread) {
  try {
    await openDoor({ host: '0.0.0.0', port: doorPort, token: readFileSync(file, 'utf8').trim(), target: observeUrl })
  } catch (error) {
    // Without metrics nobody would see that it has no metrics.
    process.stderr.write(`METRICS_TOKEN_FILE=${file}: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(2)
  }
}
