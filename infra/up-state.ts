import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// What `npm run up` has started, so that a second call and `npm run down` find it.

export interface UpState {
  readonly source: 'docker' | 'jvm'
  readonly brokers: string
  readonly registryUrl: string
  readonly brokerPort: number
  readonly registryPort: number
  /** Of the two JVMs. */
  readonly pids: readonly number[]
  readonly containers: readonly string[]
}

export const root = join(import.meta.dirname, '..')
export const workFolder = join(root, '.work')
export const kafkaFolder = join(workFolder, 'kafka')
export const registryFolder = join(workFolder, 'registry')
const stateFile = join(workFolder, 'up.json')

export const readState = (): UpState | null => {
  try {
    return JSON.parse(readFileSync(stateFile, 'utf8')) as UpState
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new Error(`${stateFile} cannot be read. Delete it, and end by hand what it names.`, { cause: error })
  }
}

export const writeState = (state: UpState): void => {
  mkdirSync(workFolder, { recursive: true })
  writeFileSync(stateFile, `${JSON.stringify(state, null, 2)}\n`)
}

export const deleteState = (): void => rmSync(stateFile, { force: true })
