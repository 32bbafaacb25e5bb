import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { mutants } from './all.ts'
import type { Caught } from './hunt.ts'
import { mutated, type Mutant } from './mutant.ts'

// `npm run mutants`: known bugs are put back, one at a time, in a copy of the source; the simulator must find each.

const usage = `npm run mutants -- [options]
  --mutant ID    only this one; may be given again: ${mutants.map(({ id }) => id).join(', ')}
  --seeds N      how many seeds each may take (default 2000)`

const root = join(import.meta.dirname, '..', '..', '..')
const folders = ['processor', 'producer', 'schemas', 'topology']

function copyTree(): string {
  const copy = mkdtempSync(join(tmpdir(), 'millrace-mutants-'))
  for (const folder of folders) cpSync(join(root, folder), join(copy, folder), { recursive: true })
  cpSync(join(root, 'package.json'), join(copy, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

function hunt(copy: string, mutant: Mutant, seeds: number): Caught | null {
  const read = (file: string): string => readFileSync(join(root, file), 'utf8')
  const files = mutated(mutant, read)
  for (const [file, text] of files) writeFileSync(join(copy, file), text)
  const path = join(copy, 'processor/sim/mutants/hunt.ts')
  const { stdout, stderr, status } = spawnSync(process.execPath, [path, '1', String(seeds)], { encoding: 'utf8' })
  for (const file of files.keys()) writeFileSync(join(copy, file), read(file))
  if (status !== 0) throw new Error(`Mutant ${mutant.id} does not run, which proves nothing:\n${stderr}`)
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Caught | null
}

/** As rows of the table in docs/reliability.md. */
function huntAll(chosen: readonly Mutant[], seeds: number): number {
  const copy = copyTree()
  let missed = 0
  try {
    console.log('| bug | what | first known from | first seed | seconds | caught by |\n|---|---|---|---|---|---|')
    for (const mutant of chosen) {
      const startedMs = performance.now()
      const caught = hunt(copy, mutant, seeds)
      const seconds = (performance.now() - startedMs) / 1000
      if (caught === null) missed++
      const [seed, by] = caught === null ? [`none of ${seeds}`, 'nothing'] : [caught.seed, firstLine(caught.failure)]
      console.log(`| ${mutant.id} | ${mutant.bug} | ${mutant.source} | ${seed} | ${seconds.toFixed(1)} | ${by} |`)
    }
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
  return missed
}

const firstLine = (failure: string): string => failure.split('\n', 1)[0]!.slice(0, 160)

try {
  const options = { mutant: { type: 'string', multiple: true }, seeds: { type: 'string' } } as const
  const { values } = parseArgs({ options })
  const chosen = mutants.filter(({ id }) => values.mutant?.includes(id) ?? true)
  const missed = huntAll(chosen, Number(values.seeds ?? 2000))
  console.log(`${chosen.length - missed} caught, ${missed} not caught`)
  if (missed > 0) process.exitCode = 1
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`)
  process.exitCode = 2
}
