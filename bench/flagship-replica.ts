import { createApp } from '../processor/create-app.ts'
import { holdStateFolder, taskStores } from '../processor/state/level.ts'
import { createThreads } from '../processor/threads/create-threads.ts'
import { silentLog, systemWorld } from '../processor/world.ts'
import { type FlagshipBench, thread } from './flagship-thread.ts'

// One replica of the flagship, for `scaling.ts`: its options come as JSON. Runs until SIGTERM.

interface Options extends FlagshipBench {
  readonly instance: string
  readonly threads: number
  readonly folder: string
}

const options = JSON.parse(process.argv[2]!) as Options
const { instance, threads } = options
const world = systemWorld(silentLog)
const held = await holdStateFolder(options.folder, instance)
const stores = taskStores(held.folder)

async function create(): Promise<Pick<ReturnType<typeof createThreads>, 'start' | 'stop' | 'done'>> {
  if (threads > 1) {
    const module = new URL('./flagship-thread.ts', import.meta.url)
    return createThreads({ module, threads, data: options, instance, folder: held.folder, world, onCrash: 'stop' })
  }
  const { signal } = new AbortController()
  const { topology, ...parts } = await thread({ data: options, worker: 0, threads, world, signal })
  return createApp(topology, { ...parts, instance, stores, world })
}

const app = await create()
process.on('SIGTERM', () => void app.stop())
await app.start()
await app.done
process.exit(0)
