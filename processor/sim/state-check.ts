import { changelogTopic } from '../../topology/names.ts'
import { checksumBytes } from '../state/checksum.ts'
import { metaKey, readMeta } from '../state/meta.ts'
import { readCommitted } from './committed-log.ts'
import { application, type Simulation } from './simulation.ts'
import type { Folder } from './volume.ts'

/**
 * I6 and I7: every store on every disk is its changelog, folded up to the offset that the store says it holds; and the
 * newest one of each task holds all of it.
 */
export function checkState(sim: Simulation): void {
  const newest = new Map<string, number>()
  for (const replica of sim.replicas) {
    for (const [task, folder] of replica.volume.folders)
      checkFolder(sim, `${replica.name} task ${task}`, folder, newest)
  }
  for (const part of sim.compiled.subTopologies) {
    for (const { name } of part.stores) {
      for (const log of sim.broker.requests.topics.get(changelogTopic(application, name))?.partitions ?? []) {
        const last = readCommitted(log).records.at(-1)
        const held = newest.get(`${name} ${log.partition}`) ?? 0
        if (last !== undefined && held <= last.offset)
          sim.violated(
            `I6: nobody's store holds ${name}-${log.partition} beyond ${held}, its changelog ends at ${last.offset}`,
          )
      }
    }
  }
}

function checkFolder(sim: Simulation, who: string, folder: Folder, newest: Map<string, number>): void {
  const stored = folder.entries.get(metaKey.toString('latin1'))
  const meta = stored === undefined ? null : readMeta(stored)
  if (meta === null) return
  const partition = Number(meta.task.split('_')[1])
  for (const { name, number, nextOffset } of meta.stores) {
    const log = sim.broker.log(changelogTopic(application, name), partition)!
    const place = `${name} ${partition}`
    newest.set(place, Math.max(newest.get(place) ?? 0, nextOffset))
    const { records } = readCommitted(log)
    // What came later may have taken the place of what an old store holds, and be gone too, as tombstones go: behind
    // all that a store holds there is one marker.
    if (sim.counts.get('compactions') > 0 && log.endOffset > nextOffset + 1) continue
    const folded = new Map<string, string>()
    for (const { offset, key, value } of records) {
      if (offset >= nextOffset) break
      const at = key!.toString('latin1')
      if (value === null) folded.delete(at)
      else folded.set(at, value.toString('latin1'))
    }
    compare(sim, `${who}, store '${name}' at ${nextOffset}`, folded, entriesOf(folder, number))
  }
  sim.counts.add('stores compared')
}

function entriesOf(folder: Folder, number: number): Map<string, string> {
  const entries = new Map<string, string>()
  for (const [key, value] of folder.entries) {
    if (key.charCodeAt(0) === number) entries.set(key.slice(1), value.toString('latin1', checksumBytes))
  }
  return entries
}

function compare(sim: Simulation, where: string, folded: Map<string, string>, entries: Map<string, string>): void {
  const wrong = [...folded].filter(([key, value]) => entries.get(key) !== value)
  const extra = [...entries.keys()].filter(key => !folded.has(key))
  if (wrong.length === 0 && extra.length === 0) return
  const show = (key: string | undefined): string => JSON.stringify(key?.slice(0, 40))
  sim.violated(
    `I7: ${where} is not its changelog: ${wrong.length} entries differ or are missing (${show(wrong[0]?.[0])}), ` +
      `${extra.length} are too many (${show(extra[0])})`,
  )
}
