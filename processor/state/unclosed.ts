import { spawn } from 'node:child_process'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

// LevelDB trusts its blocks: some damage ends the process that reads them. Whoever starts that process again would see
// it end again, at the same record, for ever. So beside each open store a file counts the processes that had it open
// and did not close it, in a row. Most of them were killed, and the store is sound: so after three another process
// reads all of it first. If that one ends too, it is the store.

/** Processes in a row that ended with the store open, before it is looked at. */
const endedMost = 3

/** How many processes ended with the store at `path` open, in a row. */
export class Unclosed {
  readonly #file: string

  constructor(path: string) {
    this.#file = `${path}.open`
  }

  get count(): number {
    // What is no number was cut when it was written: one more that ended.
    return existsSync(this.#file) ? Number(readFileSync(this.#file, 'utf8')) || 1 : 0
  }

  set count(count: number) {
    if (count === 0) rmSync(this.#file, { force: true })
    else writeFileSync(this.#file, String(count))
  }
}

/**
 * Moves the store at `path` away when it is what ends the processes that open it; says where to. One such store is
 * kept for each task, to be looked at: the next one takes its place.
 *
 * @param readAll a module's address and what it exports: it reads the store whose path it is given
 */
export async function moveIfDeadly(path: string, readAll: ReaderModule): Promise<string | null> {
  const unclosed = new Unclosed(path)
  if (unclosed.count < endedMost || !existsSync(path)) return null
  if (await survives(path, readAll)) {
    unclosed.count = 0
    return null
  }
  const aside = `${path}.damaged`
  rmSync(aside, { recursive: true, force: true })
  renameSync(path, aside)
  unclosed.count = 0
  return aside
}

export interface ReaderModule {
  readonly url: string
  readonly name: string
}

/** Not those by which a person, or the system for want of memory, ends a process. */
const ownFaults: readonly (NodeJS.Signals | null)[] = ['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP']
const isDamaged = 3

/** Whether another process reads the whole store without an end by a fault of its own, and finds it sound. */
function survives(path: string, { url, name }: ReaderModule): Promise<boolean> {
  // It goes when this process goes: the store is not to be held by nobody.
  const script =
    `process.stdin.on('end', () => process.exit()).resume(); const reader = await import(${JSON.stringify(url)}); ` +
    `await reader.${name}(${JSON.stringify(path)}).catch(error => { ` +
    `if (error.code === 'STATE_CORRUPT') process.exit(${isDamaged}) }); process.exit()`
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code !== isDamaged && !ownFaults.includes(signal)))
  })
}
