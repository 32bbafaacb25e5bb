import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { payments } from '../schemas/payments/topics.ts'
import { silentLog, systemWorld } from '../processor/world.ts'
import { benchKafka } from './flagship-thread.ts'

// The same backlog drained by 1, 2 and 4 threads of one process, and by 1, 2 and 3 processes of one thread.
//   node bench/flagship.ts load --brokers HOST:PORT --count 1000000
//   node bench/scaling.ts --brokers HOST:PORT [--only 1x1,1x2]          processes x threads
// Throughput is taken from committed offsets, from the first tenth of the backlog to its end, so that neither starts
// nor JIT count; processor time is that of all replicas in between. On a machine whose cores the broker shares, more
// replicas cannot be more than that much faster.

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: '127.0.0.1:9092' },
    only: { type: 'string', default: '1x1,1x2,1x4,2x1,3x1' },
    'commit-ms': { type: 'string', default: '100' },
    'cache-mb': { type: 'string', default: '160' },
  },
})
const world = systemWorld(silentLog)
const kafka = benchKafka(values.brokers, world)
await kafka.connect()
const admin = kafka.admin()
const { partitions } = (await admin.topics([payments.name])).get(payments.name)!
const all = Array.from({ length: partitions }, (_, partition) => ({ topic: payments.name, partition }))
const total = (await admin.offsets(all, 'latest', 'read_committed')).reduce((sum, at) => sum + at.offset, 0)

/** User and system time, in seconds, and resident memory, in MiB. */
function usage(pid: number): { readonly seconds: number; readonly mib: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { seconds: (Number(fields[11]) + Number(fields[12])) / 100, mib: (Number(fields[21]) * 4096) / 2 ** 20 }
}

async function drain(processes: number, threads: number): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-scaling-'))
  const application = `scaling-${process.pid}-${processes}x${threads}`
  const flags = ['--max-semi-space-size=8', '--heap-growing-percent=50']
  const replicas = Array.from({ length: processes }, (_, index): ChildProcess => {
    const options = {
      brokers: values.brokers,
      application,
      instance: String(index),
      threads,
      folder,
      commitIntervalMs: Number(values['commit-ms']),
      cacheBytes: Math.floor((Number(values['cache-mb']) << 20) / processes),
    }
    const program = join(import.meta.dirname, 'flagship-replica.ts')
    const child = spawn(process.execPath, [...flags, program, JSON.stringify(options)], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    child.once('exit', code => {
      if (code !== 0) throw new Error(`A replica ended with ${code}.`)
    })
    return child
  })
  const seconds = (): number => replicas.reduce((sum, { pid }) => sum + usage(pid!).seconds, 0)
  const committed = async (): Promise<number> =>
    (await admin.committed(application, all)).reduce((sum, at) => sum + (at.offset ?? 0), 0)
  let done = 0
  while ((done = await committed()) < total / 10) await world.scheduler.sleep(50)
  const [from, fromMs, fromSeconds] = [done, world.clock.monotonic(), seconds()]
  let peakMib = 0
  while ((done = await committed()) < total) {
    peakMib = Math.max(
      peakMib,
      replicas.reduce((sum, { pid }) => sum + usage(pid!).mib, 0),
    )
    await world.scheduler.sleep(50)
  }
  const elapsedMs = world.clock.monotonic() - fromMs
  const cpu = seconds() - fromSeconds
  const left = replicas.map(child => new Promise(resolve => child.once('exit', resolve)))
  for (const child of replicas) child.kill('SIGTERM')
  await Promise.all(left)
  rmSync(folder, { recursive: true })
  return {
    processes,
    threads,
    paymentsPerSecond: Math.round(((done - from) / elapsedMs) * 1000),
    cpuMicrosPerPayment: Number(((cpu / (done - from)) * 1e6).toFixed(1)),
    coresUsed: Number((cpu / (elapsedMs / 1000)).toFixed(2)),
    rssMib: Math.round(peakMib),
    load: Number(loadavg()[0]!.toFixed(1)),
  }
}

console.log(JSON.stringify({ payments: total, partitions, cores: availableParallelism() }))
for (const run of values.only.split(',')) {
  const [processes, threads] = run.split('x').map(Number)
  console.log(JSON.stringify(await drain(processes!, threads!)))
}
await kafka.close()
process.exit(0)
