import { Buffer } from 'node:buffer'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { changelogTopic } from '../../../topology/names.ts'
import type { Kafka } from '../../ports.ts'
import { sealed } from '../../state/checksum.ts'
import { openLevel } from '../../state/level.ts'
import { metaKey, readMeta } from '../../state/meta.ts'
import { readTopic, type Row } from '../read-rows.ts'

// The state of an application that has stopped, against its changelogs.

const stores = async (folder: string): Promise<ReadonlyMap<string, ReadonlyMap<string, Buffer>>> => {
  const tasks = readdirSync(folder).filter(name => /^\d+_\d+$/.test(name))
  const found = new Map<string, ReadonlyMap<string, Buffer>>()
  for (const task of tasks) {
    const store = await openLevel(join(folder, task), false)
    const entries = new Map<string, Buffer>()
    for await (const [key, value] of store.range(Buffer.alloc(0), Buffer.alloc(1, 255))) {
      entries.set(key.toString('latin1'), value)
    }
    await store.close()
    found.set(task, entries)
  }
  return found
}

export interface StateComparison {
  /** How a task's state differs from its changelogs; none when it does not. */
  readonly differences: readonly string[]
  readonly tasks: number
  /** Entries that were compared, and records that they are the fold of. */
  readonly entries: number
  readonly records: number
}

/** Folds every changelog, and compares with the stores under `folder` byte for byte. */
export async function compareState(kafka: Kafka, application: string, folder: string): Promise<StateComparison> {
  const changelogs = new Map<string, readonly Row[]>()
  const differences: string[] = []
  const tasks = await stores(folder)
  let [entries, records] = [0, 0]
  for (const [task, stored] of tasks) {
    const meta = readMeta(stored.get(metaKey.toString('latin1'))!)!
    const want = new Map<string, Buffer>()
    for (const { name, number, nextOffset } of meta.stores) {
      const topic = changelogTopic(application, name)
      if (!changelogs.has(topic)) changelogs.set(topic, (await readTopic(kafka, topic)).rows)
      const rows = changelogs.get(topic)!.filter(row => row.partition === Number(task.split('_')[1]))
      records += rows.length
      if (rows.some(row => row.offset >= nextOffset)) {
        differences.push(`${task}: '${name}' is at ${nextOffset}, and its changelog goes on to ${rows.at(-1)!.offset}`)
      }
      for (const { key: rest, value } of rows) {
        const key = Buffer.concat([Buffer.from([number]), rest!])
        if (value === null) want.delete(key.toString('latin1'))
        else want.set(key.toString('latin1'), sealed(key, value))
      }
    }
    entries += want.size
    differences.push(...compare(task, stored, want))
  }
  return { differences, tasks: tasks.size, entries, records }
}

function compare(task: string, stored: ReadonlyMap<string, Buffer>, want: ReadonlyMap<string, Buffer>): string[] {
  const show = (key: string): string => Buffer.from(key, 'latin1').toString('hex')
  const lines: string[] = []
  for (const [key, value] of want) {
    const found = stored.get(key)
    if (found === undefined) lines.push(`${task}: ${show(key)} is not in the store`)
    else if (!found.equals(value)) lines.push(`${task}: ${show(key)} differs`)
  }
  for (const key of stored.keys()) {
    // What the task keeps about its database begins with 0; the numbers of stores begin at 1.
    if (!want.has(key) && !key.startsWith('\0')) lines.push(`${task}: ${show(key)} is only in the store`)
  }
  return lines
}
