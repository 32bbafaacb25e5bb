import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { integerState } from '../../topology/aggregate-state.ts'
import { AppError } from '../errors.ts'
import { seeded } from '../operators/testing.ts'
import { type LevelStores, levelStores } from './level.ts'
import { TaskState } from './task-state.ts'
import { TestLog } from './testing.ts'

// Damages copies of a LevelDB folder, and tells what comes of it. Runs in a process of its own: some damage ends it.

export const damages = [
  'bit of data',
  'cut data',
  'zeroed block',
  'deleted data',
  'bit of MANIFEST',
  'cut MANIFEST',
  'deleted CURRENT',
] as const
export type Damage = (typeof damages)[number]

export interface Trial {
  readonly index: number
  readonly damage: Damage
  /** What was refused when it was opened: `STATE_CORRUPT` or a reason of the meta record. */
  readonly refused: string | null
  /** The store goes back to an older state of itself, meta record and all: a restore catches it up. */
  readonly isOlder: boolean
  /** Keys with another value than the meta record's offset stands for; without one; refused, by code. */
  readonly wrong: number
  readonly missing: number
  readonly errors: readonly string[]
}

const keys = 2000
const identity = { clusterId: 'c', application: 'a', task: '0_0' }
const definitions = [{ name: 's', hasKinds: false, changelogId: 'id' }]
const keyOf = (i: number): Buffer => Buffer.from(`key-${i}`)

/**
 * A store of three sessions of twenty batches each, the last one in LevelDB's log; and its content by changelog offset.
 */
class Subject {
  readonly #stores: LevelStores
  readonly #root: string
  readonly #contents = new Map<number, readonly number[]>()
  #end = 0

  private constructor(stores: LevelStores, root: string) {
    this.#stores = stores
    this.#root = root
  }

  static async make(root: string): Promise<Subject> {
    const subject = new Subject(await levelStores(root, 'a'), root)
    for (let session = 0; session < 3; session++) await subject.#write(session)
    cpSync(subject.#folder, subject.#copy, { recursive: true })
    return subject
  }

  get #folder(): string {
    return join(this.#stores.folder, '0_0')
  }

  get #copy(): string {
    return join(this.#root, 'copy')
  }

  async #write(session: number): Promise<void> {
    const { store, created } = await this.#stores.open('0_0')
    const state = TaskState.open(store, created, identity, definitions) as TaskState
    const cache = state.cached('s', integerState)
    const content = [...(this.#contents.get(this.#end) ?? [])]
    const random = seeded(session)
    for (let batch = 0; batch < 20; batch++) {
      for (let j = 0; j < keys / 20; j++) {
        const i = session === 0 ? batch * (keys / 20) + j : Math.floor(random() * keys)
        content[i] = this.#end * keys + i
        cache.set(cache.row(keyOf(i), 0, keyOf(i).length), content[i])
      }
      this.#end += state.freeze(() => new TestLog(), 1)
      state.committed([], () => this.#end)
      await state.flush(1)
      this.#contents.set(this.#end, [...content])
    }
    await state.close()
  }

  async try(index: number): Promise<Trial> {
    const damage = damages[index % damages.length]!
    rmSync(this.#folder, { recursive: true, force: true })
    cpSync(this.#copy, this.#folder, { recursive: true })
    spoil(this.#folder, damage, seeded(index))
    const nothing = { index, damage, refused: null, isOlder: false, wrong: 0, missing: 0, errors: [] }
    try {
      const { store, created } = await this.#stores.open('0_0')
      const state = TaskState.open(store, created, identity, definitions)
      if (typeof state === 'string') {
        await store.close()
        return { ...nothing, refused: state }
      }
      const trial = { ...nothing, ...this.#read(state) }
      await state.close()
      return trial
    } catch (error) {
      await this.#stores.destroy('0_0')
      return { ...nothing, refused: codeOf(error) }
    }
  }

  #read(state: TaskState): Pick<Trial, 'isOlder' | 'wrong' | 'missing' | 'errors'> {
    const cache = state.cached('s', integerState)
    const content = this.#contents.get(state.nextOffset('s'))!
    const errors = new Set<string>()
    let [wrong, missing] = [0, 0]
    for (let i = 0; i < keys; i++) {
      try {
        const value = cache.get(cache.row(keyOf(i), 0, keyOf(i).length))
        if (value === undefined) missing++
        else if (value !== content[i]) wrong++
      } catch (error) {
        errors.add(codeOf(error))
      }
    }
    return { isOlder: state.nextOffset('s') < this.#end, wrong, missing, errors: [...errors] }
  }
}

const codeOf = (error: unknown): string => (error instanceof AppError ? error.code : String(error))

function spoil(folder: string, damage: Damage, random: () => number): void {
  const isData = (name: string): boolean => name.endsWith('.ldb') || name.endsWith('.log')
  const wanted = damage.endsWith('CURRENT')
    ? ['CURRENT']
    : readdirSync(folder).filter(name => (damage.endsWith('MANIFEST') ? name.startsWith('MANIFEST') : isData(name)))
  const files = wanted.map(name => join(folder, name)).filter(file => statSync(file).size > 0)
  const file = files[Math.floor(random() * files.length)]!
  if (damage.startsWith('deleted')) {
    rmSync(file)
    return
  }
  const bytes = readFileSync(file)
  if (damage.startsWith('cut')) {
    truncateSync(file, Math.floor(random() * bytes.length))
    return
  }
  const at = Math.floor(random() * bytes.length)
  if (damage === 'zeroed block') bytes.fill(0, at & ~4095, Math.min(bytes.length, (at & ~4095) + 4096))
  else bytes[at]! ^= 1 << Math.floor(random() * 8)
  writeFileSync(file, bytes)
}

/** Opens and reads what a trial has left: ends the process if that did. */
export async function readAgain(root: string): Promise<void> {
  const stores = await levelStores(root, 'a')
  const { store } = await stores.open('0_0')
  for (let i = 0; i < keys; i++) store.get(Buffer.concat([Buffer.from([1]), keyOf(i)]))
  await stores.release()
}

/** Runs trials and writes each outcome as a line of JSON. */
export async function runTrials(root: string, from: number, to: number): Promise<void> {
  const subject = await Subject.make(root)
  for (let index = from; index < to; index++) console.log(JSON.stringify(await subject.try(index)))
}
