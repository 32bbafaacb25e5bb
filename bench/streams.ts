import { createApp } from '../processor/create-app.ts'
import { holdStateFolder, taskStores } from '../processor/state/level.ts'
import { createThreads } from '../processor/threads/create-threads.ts'
import { silentLog, systemWorld } from '../processor/world.ts'
import type { Duration } from '../topology/windows.ts'
import { type BenchData, thread } from './streams-thread.ts'

// The engine under the harness of the Java peer: workloads w1, w2 and w3 (streams-thread.ts). Its command line is the
// harness's contract: --brokers --workload --input --output --application-id --state-dir --guarantee --commit-ms
// --threads; and --conf cache=BYTES, --conf grace=1h. On stderr, when it ends: what was dropped.

const given = new Map<string, string>()
const settings = new Map<string, string>()
for (let i = 2; i < process.argv.length; i += 2) {
  const name = process.argv[i]!.slice(2)
  const value = process.argv[i + 1]!
  if (name === 'conf') settings.set(value.split('=')[0]!, value.slice(value.indexOf('=') + 1))
  else given.set(name, value)
}

const world = systemWorld(
  process.env['DEBUG'] === undefined
    ? silentLog
    : { debug: console.error, info: console.error, warn: console.error, error: console.error },
)
const data: BenchData = {
  brokers: given.get('brokers')!,
  workload: given.get('workload')!,
  input: given.get('input')!,
  output: given.get('output')!,
  application: given.get('application-id')!,
  exactlyOnce: given.get('guarantee') === 'eos',
  commitIntervalMs: Number(given.get('commit-ms')),
  cacheBytes: settings.has('cache') ? Number(settings.get('cache')) : null,
  grace: (settings.get('grace') ?? '24h') as Duration,
}
const threads = Number(given.get('threads') ?? '1')
const held = await holdStateFolder(given.get('state-dir')!, '0')
const stores = taskStores(held.folder)

async function start(): Promise<Pick<ReturnType<typeof createThreads>, 'start' | 'stop' | 'done' | 'read'>> {
  if (threads > 1) {
    const module = new URL('./streams-thread.ts', import.meta.url)
    return createThreads({ module, threads, data, instance: '0', folder: held.folder, world, onCrash: 'stop' })
  }
  const { signal } = new AbortController()
  const { topology, ...parts } = await thread({ data, worker: 0, threads: 1, world, signal })
  return createApp(topology, { ...parts, instance: '0', stores, world })
}

const app = await start()
process.on('SIGTERM', () => void app.stop())
const startMs = world.clock.monotonic()
await app.start()
console.log(
  JSON.stringify({
    event: 'RUNNING',
    restored: app.read().restore.records,
    restoreMs: Math.round(world.clock.monotonic() - startMs),
  }),
)
let dropped: Record<string, number> = {}
const timer = setInterval(() => {
  dropped = {}
  for (const counts of app.read().counts.values())
    for (const [step, n] of counts.dropped) if (n > 0) dropped[step] = (dropped[step] ?? 0) + n
}, 500)
await app.done
clearInterval(timer)
console.error(JSON.stringify({ event: 'STOPPED', dropped }))
process.exit(0)
