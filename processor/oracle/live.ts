import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type GoldenFile, parseGoldens } from './golden.ts'

// Fresh cases, made with the Java original: its harness is built once into .work/ and asked for random cases.

const work = resolve(import.meta.dirname, '..', '..', '.work', 'oracle')

function must(command: string, args: readonly string[], cwd: string, needs: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 30 })
  if (error !== undefined) throw new Error(`${command} cannot be run: ${error.message}. ${needs}`)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`)
  return stdout
}

/** The harness as it is now: another version of its sources is built anew. */
function fingerprint(folder: string): string {
  const hash = createHash('sha256').update(readFileSync(join(folder, 'pom.xml')))
  const sources = readdirSync(join(folder, 'src'), { recursive: true, withFileTypes: true })
  for (const entry of sources.filter(found => found.isFile()).toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    hash.update(readFileSync(join(entry.parentPath, entry.name)))
  return hash.digest('hex').slice(0, 16)
}

function build(harness: string, say: (text: string) => void): string {
  const folder = resolve(harness)
  if (!existsSync(join(folder, 'pom.xml')))
    throw new Error(`There is no harness in ${folder}: say with --harness where its pom.xml is.`)
  const built = join(work, fingerprint(folder))
  const jar = join(built, 'target', 'oracle.jar')
  if (existsSync(jar)) return jar
  mkdirSync(work, { recursive: true })
  const making = mkdtempSync(join(work, 'making-'))
  try {
    cpSync(join(folder, 'pom.xml'), join(making, 'pom.xml'))
    cpSync(join(folder, 'src'), join(making, 'src'), { recursive: true })
    must('chmod', ['-R', 'u+w', making], work, '')
    say('building the Java harness...')
    must('mvn', ['-q', '-B', 'package'], making, 'Install Java 17 and Maven.')
    rmSync(built, { recursive: true, force: true })
    renameSync(making, built)
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
  return jar
}

/** Fresh goldens of every kind of topology, or of one. */
export function freshGoldens(
  { count, seed, harness }: { readonly count: number; readonly seed: number; readonly harness: string },
  only: string | null,
  say: (text: string) => void,
): GoldenFile[] {
  const jar = build(harness, say)
  const java = (args: readonly string[]): string => must('java', ['-jar', jar, ...args], work, 'Install Java 17.')
  const names = java(['--list'])
    .split('\n')
    .flatMap(text => /^(\S+) /.exec(text)?.[1] ?? [])
  const wanted = only === null ? names : names.filter(name => name === only)
  if (wanted.length === 0) throw new Error(`The harness makes no '${only}'. It makes ${names.join(', ')}.`)
  return wanted.map(name => {
    const text = java(['--fuzz', name, '--seed', String(seed), '--n', String(count)])
    return { name, cases: parseGoldens(text, `fresh ${name}`) }
  })
}
