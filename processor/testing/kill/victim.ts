import { inspect } from 'node:util'
import { restRegistry } from '../../../schemas/registry-rest.ts'
import { fraudTopology } from '../../../topology/fraud/topology.ts'
import { nativeKafka } from '../../kafka/native/client.ts'
import { partitionOf } from '../../kafka/native/murmur2.ts'
import { tcpTransport } from '../../kafka/native/tcp.ts'
import type { Log } from '../../ports.ts'
import type { Stores } from '../../state-port.ts'
import { createApp } from '../../runtime/app.ts'
import type { Step } from '../../runtime/commit.ts'
import { levelStores } from '../../state/level.ts'
import { metaKey, readMeta } from '../../state/meta.ts'
import { systemWorld } from '../../world.ts'
import { report, runChild } from '../child-program.ts'
import { renamed } from '../renamed.ts'
import type { Moment, VictimOptions, VictimReport } from './victim-protocol.ts'

// The flagship in a process of its own that kills itself at a given step of a commit: SIGKILL takes effect before the
// call that sends it returns, so the process dies at that step and nowhere else.

const options = JSON.parse(process.argv[2]!) as VictimOptions

const say: (what: VictimReport) => void = report

const logTo = (level: string) => (fields: object, message: string) =>
  say({ kind: 'log', level, message, fields: inspect(fields, { breakLength: Infinity }) })
const log: Log = { debug() {}, info: logTo('info'), warn: logTo('warn'), error: logTo('error') }

/** All of its tasks are restored: those that were first have committed before. */
let isRunning = false

function countdown(moment: Moment | null, act: () => void): (step: Step) => void {
  if (moment === null) return () => undefined
  let isCounting = moment.after === undefined
  let left = moment.occurrence
  return step => {
    if (!isRunning) return
    if (isCounting && step === moment.step && --left === 0) act()
    if (step === moment.after) isCounting = true
  }
}

const terminate = countdown(options.terminate, () => process.kill(process.pid, 'SIGTERM'))
const kill = countdown(options.kill, () => process.kill(process.pid, 'SIGKILL'))

/** Tells what each store holds before it is restored. */
const watched = (stores: Stores): Stores => ({
  async open(task) {
    const opened = await stores.open(task)
    const stored = opened.store.get(metaKey)
    const marks = stored === undefined ? [] : (readMeta(stored)?.stores ?? [])
    const at = marks.map(({ name, nextOffset }) => ({ name, nextOffset }))
    say({ kind: 'opened', opened: { task, stores: at } })
    return opened
  },
  destroy: task => stores.destroy(task),
})

async function run(): Promise<void> {
  const world = systemWorld(log)
  const stores = await levelStores(options.stateFolder, options.instance)
  const kafka = nativeKafka({ transport: tcpTransport({ bootstrap: options.brokers }), world, clientId: 'victim' })
  const { application, instance, commitIntervalMs, sendBytes } = options
  const app = createApp(
    renamed(fraudTopology(), name => options.prefix + name),
    {
      application,
      instance,
      kafka,
      registry: restRegistry({ url: options.registryUrl }),
      stores: watched(stores),
      world,
      partitionOf,
      commitIntervalMs,
      sendBytes,
      flushAgeMs: 0,
      idleMs: 0,
      onStep(step) {
        say({ kind: 'step', step })
        terminate(step)
        kill(step)
      },
    },
  )
  process.on('SIGTERM', () => void app.stop())
  await app.start()
  isRunning = true
  say({ kind: 'running', restoredRecords: app.read().restore.records })
  app.ended.then(
    () => say({ kind: 'ended' }),
    () => undefined,
  )
  await app.done
  const { commits, aborts } = app.read()
  say({ kind: 'stopped', commits, aborts })
  await stores.release()
  await kafka.close()
}

runChild(run)
