import { startBroker } from '../../infra/broker.ts'
import { tcpTransport } from '../kafka/native/tcp.ts'
import { silentLog, systemWorld } from '../world.ts'
import { drawScript } from './draw-script-testing.ts'
import { type Recorded, writeRecording } from './recording-testing.ts'
import { Script } from './script-testing.ts'

// Records what a real broker answers to scripts of transactional requests, for machines without one: the embedded
// broker is compared with it in transactions-recorded.sim.test.ts.

const scripts = 300

const broker = await startBroker({ progress: line => console.log(line) })
try {
  const [host = '', port] = broker.bootstrap.split(':')
  const transport = tcpTransport({ bootstrap: [{ host, port: Number(port) }] })
  const world = systemWorld(silentLog)
  const recorded: Recorded[] = []
  for (let seed = 1; seed <= scripts; seed++) {
    const steps = drawScript(seed)
    recorded.push({ seed, steps, lines: await new Script(transport, world, `script-${seed}`).run(steps) })
  }
  writeRecording(recorded)
  console.log(`${scripts} scripts, ${recorded.reduce((sum, { lines }) => sum + lines.length, 0)} answers`)
} finally {
  await broker.stop()
}
