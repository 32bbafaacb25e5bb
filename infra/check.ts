import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

// `npm run check`: types, lint, format and the tidy rules, side by side. Prints what failed, whole, and how long each
// took.

interface Step {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
}

interface Outcome {
  readonly step: Step
  readonly ok: boolean
  readonly output: string
  readonly seconds: number
}

const root = join(import.meta.dirname, '..')
const bin = join(root, 'node_modules', '.bin')

const steps: readonly Step[] = [
  { name: 'types', command: 'tsc', args: ['-p', '.'] },
  { name: 'lint', command: 'oxlint', args: [] },
  { name: 'format', command: 'oxfmt', args: ['--check'] },
  { name: 'tidy', command: 'vitest', args: ['run', '--config', 'vitest.config.ts', 'infra/tidy.test.ts'] },
]

const run = (step: Step): Promise<Outcome> =>
  new Promise(resolve => {
    const startedMs = performance.now()
    const child = spawn(join(bin, step.command), step.args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      // The tools start Node by their `#!` line: it must be the pinned one.
      env: { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}`, CI: 'true' },
    })
    const chunks: string[] = []
    const end = (ok: boolean): void =>
      resolve({ step, ok, output: chunks.join(''), seconds: (performance.now() - startedMs) / 1000 })
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => chunks.push(text))
    child.on('error', error => {
      chunks.push(`${step.command} cannot start: ${error.message}. Run "npm ci" first.\n`)
      end(false)
    })
    child.on('close', code => end(code === 0))
  })

const startedMs = performance.now()
const waiting = [...steps]
const outcomes: Outcome[] = []
const work = async (): Promise<void> => {
  for (let step = waiting.shift(); step; step = waiting.shift()) {
    const outcome = await run(step)
    outcomes.push(outcome)
    if (!outcome.ok) process.stdout.write(`--- ${step.name}\n${outcome.output}\n`)
    console.log(`${step.name.padEnd(6)} ${outcome.ok ? 'ok' : 'FAILED'} in ${outcome.seconds.toFixed(1)} s`)
  }
}
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work))

const failed = outcomes.filter(outcome => !outcome.ok).map(outcome => outcome.step.name)
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
console.log(failed.length === 0 ? `check passed in ${seconds} s` : `check FAILED in ${seconds} s: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
