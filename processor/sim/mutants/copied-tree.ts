import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Caught } from './hunt.ts'
import { mutated, type Mutant } from './mutant.ts'

const folders = ['processor', 'producer', 'schemas', 'topology']

export const root = join(import.meta.dirname, '..', '..', '..')

export const readSource = (file: string): string => readFileSync(join(root, file), 'utf8')

/** A copy of the source in a temporary folder, for mutants. */
export class CopiedTree {
  readonly #folder = mkdtempSync(join(tmpdir(), 'millrace-mutants-'))

  constructor() {
    for (const folder of folders) cpSync(join(root, folder), join(this.#folder, folder), { recursive: true })
    cpSync(join(root, 'package.json'), join(this.#folder, 'package.json'))
    symlinkSync(join(root, 'node_modules'), join(this.#folder, 'node_modules'))
  }

  /** Runs up to so many seeds with the mutant, until one fails: null when none does. */
  hunt(mutant: Mutant, seeds: number): Caught | null {
    const files = mutated(mutant, readSource)
    for (const [file, text] of files) writeFileSync(join(this.#folder, file), text)
    const path = join(this.#folder, 'processor/sim/mutants/hunt.ts')
    const { stdout, stderr, status } = spawnSync(process.execPath, [path, String(seeds)], { encoding: 'utf8' })
    for (const file of files.keys()) writeFileSync(join(this.#folder, file), readSource(file))
    if (status !== 0) throw new Error(`Mutant ${mutant.id} does not run, which proves nothing:\n${stderr}`)
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as Caught | null
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
