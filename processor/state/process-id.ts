import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../ports.ts'

const pattern = /^[0-9a-f]{16}$/

/**
 * Names a process that was given no name: drawn once, and kept with its state. Two processes on two machines may both
 * be the first one there; a transactional id must still be that of one alone, or they would fence each other. Only for
 * who holds the folder.
 */
export function processId(folder: string, random: Random): string {
  const path = join(folder, 'process-id')
  if (existsSync(path)) {
    const known = readFileSync(path, 'utf8').trim()
    if (pattern.test(known)) return known
  }
  const id = Array.from({ length: 16 }, () => Math.floor(random.next() * 16).toString(16)).join('')
  // All of it or nothing.
  writeFileSync(`${path}.new`, `${id}\n`)
  renameSync(`${path}.new`, path)
  return id
}
