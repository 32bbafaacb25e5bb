import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { int64, json, text } from '../schemas/serdes.ts'
import { topic } from '../schemas/topic.ts'
import { count, sum } from '../topology/counting.ts'
import { topology } from '../topology/stream.ts'
import { levelStores } from '../processor/state/level.ts'
import { Harness, type Input } from '../processor/testing/harness.ts'

// State larger than its cache: a count and a sum for each of many keys, on the embedded broker and a real LevelDB.
//   node --expose-gc bench/state.ts --keys 1000000 --cache-mb 1
// The first pass makes every key, the second reads keys at random; then the process's application starts anew on what
// is on disk. The broker holds the whole log in this process too, so memory is told before and after.

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    random: { type: 'string', default: '200000' },
    'cache-mb': { type: 'string', default: '1' },
    partitions: { type: 'string', default: '2' },
  },
})
const [keys, atRandom, partitions] = [Number(values.keys), Number(values.random), Number(values.partitions)]
const cacheBytes = Number(values['cache-mb']) << 20

const input = topic('input', text, int64)
const output = topic(
  'output',
  text,
  json<any>('any', value => value),
)
const t = topology('state')
t.stream(input)
  .groupByKey()
  .aggregate('totals', { n: count(), total: sum((value: number) => value) })
  .changes()
  .filter(value => value.n % 1000 === 0)
  .map(value => value as any)
  .to(output)

const root = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
const stores = await levelStores(root, 'bench')
const harness = new Harness()
await harness.createTopics(t, partitions)

const mib = (bytes: number): number => Math.round(bytes / 2 ** 20)
const rss = (): number => {
  globalThis.gc?.()
  return mib(process.memoryUsage.rss())
}
const diskBytes = (): number =>
  readdirSync(stores.folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)

async function produce(of: (i: number) => number, size: number): Promise<void> {
  for (let from = 0; from < size; from += 50_000) {
    const inputs: Input[] = Array.from({ length: Math.min(50_000, size - from) }, (_, j) => ({
      topic: input,
      key: `customer-${of(from + j)}`,
      value: from + j,
      timestamp: from + j,
    }))
    await harness.produce(inputs)
  }
}

/** Runs the application until it has taken `records` in all, and says what that took. */
async function drain(name: string, records: number): Promise<void> {
  const startedMs = performance.now()
  const app = harness.app(t, { stores, cacheBytes, flushBytes: cacheBytes, commitIntervalMs: 100 })
  await app.start()
  const startMs = performance.now() - startedMs
  const cpu = process.cpuUsage()
  const taken = (): number =>
    [...app.read().counts.values()].reduce((sum, counts) => sum + (counts.records.get(input.name) ?? 0), 0)
  while (taken() < records) await harness.world.scheduler.sleep(20)
  const seconds = (performance.now() - startedMs - startMs) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const { tasks, restore } = app.read()
  const sumOf = (of: (task: (typeof tasks)[number]) => number): number => tasks.reduce((sum, task) => sum + of(task), 0)
  console.log({
    pass: name,
    startMs: Math.round(startMs),
    restoredRecords: restore.records,
    records,
    recordsPerSecond: Math.round(records / seconds),
    cpuMicrosPerRecord: Number(((user + system) / records).toFixed(1)),
    readsFromDisk: sumOf(task => task.state.reads),
    entriesCached: sumOf(task => task.state.entries),
    cacheKiB: Math.round(sumOf(task => task.state.cacheBytes) / 1024),
    pendingKiB: Math.round(sumOf(task => task.state.pendingBytes) / 1024),
    rssMiB: rss(),
    diskMiB: mib(diskBytes()),
  })
  const stopMs = performance.now()
  await app.stop()
  console.log({ stopMs: Math.round(performance.now() - stopMs) })
}

console.log({ keys, cacheMiB: mib(cacheBytes), partitions, rssMiB: rss() })
await produce(i => i, keys)
console.log({ rssMiBWithInput: rss() })
await drain('every key once', keys)
let seed = 1
const random = (): number => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0) % keys
await produce(random, atRandom)
await drain('keys at random, after a restart', atRandom)
await drain('a restart with nothing to do', 0)
await harness.close()
await stores.release()
rmSync(root, { recursive: true, force: true })
