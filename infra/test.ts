import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promtoolAnswers } from './promtool.ts'
import { chooseServices } from './services.ts'
import { listFiles } from './tidy/source.ts'

// `npm test`: every tier in turn, how long each took, and one line at the end with the counts: `12 passed, 0 failed`.
// Arguments go to vitest: `npm test -- topology/windows` runs the tests whose path holds that.

const tiers = ['unit', 'sim', 'kafka', 'browser'] as const
type Tier = (typeof tiers)[number]

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const root = join(import.meta.dirname, '..')
const none: Counts = { passed: 0, failed: 0, skipped: 0 }
const filters = process.argv.slice(2)

const tierOf = (path: string): Tier | null => {
  const match = /^[^.]*(?:\.(sim|kafka|browser))?\.test\.ts$/.exec(path.split('/').at(-1)!)
  return match ? ((match[1] ?? 'unit') as Tier) : null
}

const files = listFiles(root)
const filesOf = (tier: Tier): string[] => files.filter(path => tierOf(path) === tier)

/**
 * Vitest's own counts, from its JSON report. A run that fails with no failed test (a file that does not load) counts as
 * one.
 */
const readCounts = (report: string, ok: boolean): Counts => {
  let counts = none
  try {
    const json = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number | undefined>
    counts = {
      passed: json['numPassedTests'] ?? 0,
      failed: json['numFailedTests'] ?? 0,
      skipped: (json['numPendingTests'] ?? 0) + (json['numTodoTests'] ?? 0),
    }
  } catch (error) {
    console.error(`vitest left no report: ${String(error)}`)
    return { ...none, failed: 1 }
  }
  return ok || counts.failed > 0 ? counts : { ...counts, failed: 1 }
}

const runTier = (tier: Tier): Promise<Counts> =>
  new Promise(resolve => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'))
    const report = join(folder, 'report.json')
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
    const child = spawn(process.execPath, [vitest, 'run', '--project', tier, ...reporters, ...filters], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    child.on('error', error => {
      console.error(`vitest cannot start: ${error.message}`)
      resolve({ ...none, failed: 1 })
    })
    child.on('close', code => {
      resolve(readCounts(report, code === 0))
      rmSync(folder, { recursive: true, force: true })
    })
  })

const requireKafka = process.env['MILLRACE_REQUIRE_KAFKA'] === '1'
const total = { passed: 0, failed: 0, skipped: 0 }
const summary: string[] = []
const notRun: string[] = []

for (const tier of tiers) {
  const ownFiles = filesOf(tier).filter(path => filters.length === 0 || filters.some(filter => path.includes(filter)))
  if (ownFiles.length === 0) {
    summary.push(`${tier.padEnd(8)} empty`)
    continue
  }
  if (tier === 'kafka') {
    const { missing } = await chooseServices()
    if (missing !== null) {
      notRun.push(`kafka tier NOT RUN: ${missing}`)
      notRun.push(`Not proved on real Kafka: ${ownFiles.join(', ')}`)
      summary.push(`${tier.padEnd(8)} NOT RUN${requireKafka ? ', and MILLRACE_REQUIRE_KAFKA=1: failed' : ''}`)
      if (requireKafka) total.failed++
      continue
    }
  }
  const startedMs = performance.now()
  const counts = await runTier(tier)
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  summary.push(`${tier.padEnd(8)} ${seconds} s: ${counts.passed} passed, ${counts.failed} failed${skipped}`)
  total.passed += counts.passed
  total.failed += counts.failed
  total.skipped += counts.skipped
}

const promtoolTest = 'infra/docker.test.ts'
if ((filters.length === 0 || filters.some(filter => promtoolTest.includes(filter))) && !promtoolAnswers())
  notRun.push(`promtool is not here: docker/prometheus.yml is NOT CHECKED by it (${promtoolTest})`)

console.log(['', ...summary, ...notRun].join('\n'))
// Filters that match nothing must not look like success.
const nothing = total.passed + total.failed + total.skipped === 0 && notRun.length === 0
if (nothing) console.log(`No test was run${filters.length > 0 ? `: no path holds ${filters.join(' or ')}` : ''}.`)
process.exitCode = total.failed > 0 || nothing ? 1 : 0
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`)
