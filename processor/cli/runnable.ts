import type { Registry } from '../../schemas/registry.ts'
import { fraudTopology } from '../../topology/fraud/topology.ts'
import { partitionOf } from '../kafka/native/murmur2.ts'
import type { Readings } from '../observe/readings.ts'
import type { Kafka, World } from '../ports.ts'
import { createApp } from '../runtime/app.ts'
import { type StateFolder, taskStores } from '../state/level.ts'
import { processId } from '../state/process-id.ts'
import { createThreads } from '../threads/create-threads.ts'
import type { RunOptions } from './command.ts'
import { rulesWith } from './flagship.ts'
import type { FlagshipData } from './flagship-thread.ts'

/** An application, in this thread or in several. */
export interface Runnable {
  /** Resolves when records are being processed. */
  start(): Promise<void>
  stop(): Promise<void>
  /** Resolves when it has stopped; rejects with what ended it. */
  readonly done: Promise<void>
  read(): Readings
}

export interface RunnableContext {
  readonly kafka: Kafka
  readonly registry: Registry
  readonly world: World
  readonly state: StateFolder
  readonly onCommitted: (seconds: number) => void
}

/** `npm run processor` gives the main isolate semi-spaces of 8 MiB: three of them are a young generation. */
const youngGenerationMib = 24

/** The flagship as the command line asks for it. `close` closes what is still open when it has stopped. */
export function flagshipApp(options: RunOptions, context: RunnableContext): Runnable & { close(): Promise<void> } {
  const { kafka, registry, world, state, onCommitted } = context
  const { application, highAmountUnits, threads, brokers, registryUrl } = options
  // Without a name of its own a process is known by what it keeps in its folder.
  const instance =
    options.instance === null ? `${state.instance}-${processId(state.folder, world.random)}` : state.instance
  const settings = {
    guarantee: options.guarantee,
    standbyReplicas: options.standbyReplicas,
    commitIntervalMs: options.commitIntervalMs,
    transactionTimeoutMs: Math.max(30_000, options.commitIntervalMs * 3),
    cacheBytes: options.cacheBytes,
  }
  if (threads === 1) {
    const stores = taskStores(state.folder)
    const topology = fraudTopology({ ruleSet: rulesWith(highAmountUnits) })
    const own = { application, instance, kafka, registry, stores, world, partitionOf, onCommitted }
    const app = createApp(topology, { ...own, ...settings })
    return closing(app, () => stores.close())
  }
  const data: FlagshipData = { application, brokers, registryUrl, highAmountUnits, settings }
  const app = createThreads({
    module: new URL('./flagship-thread.ts', import.meta.url),
    threads,
    data,
    instance,
    folder: state.folder,
    world,
    onCrash: options.onCrash,
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMib },
    onCommitted,
  })
  return closing(app, () => Promise.resolve())
}

const closing = (app: Runnable, close: () => Promise<void>): Runnable & { close(): Promise<void> } => ({
  start: () => app.start(),
  stop: () => app.stop(),
  get done() {
    return app.done
  },
  read: () => app.read(),
  close,
})
