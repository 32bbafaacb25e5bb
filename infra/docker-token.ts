import { randomBytes } from 'node:crypto'
import { existsSync, renameSync, writeFileSync } from 'node:fs'

// Draws the token of the metrics once and keeps it. The processor and Prometheus, two users, read it from a volume that
// nobody else mounts: the file is readable by all who can see it.

const file = process.env['METRICS_TOKEN_FILE'] ?? ''
if (file === '') {
  process.stderr.write('METRICS_TOKEN_FILE is not set: it names the file to write the token to.\n')
  process.exitCode = 2
} else if (existsSync(file)) {
  process.stdout.write(`${file} is there.\n`)
} else {
  // All of it or nothing.
  writeFileSync(`${file}.new`, randomBytes(32).toString('base64url'), { mode: 0o444 })
  renameSync(`${file}.new`, file)
  process.stdout.write(`${file} is new.\n`)
}
