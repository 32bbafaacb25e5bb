import { parentPort, workerData } from 'node:worker_threads'
import type { ThreadStart } from './protocol.ts'
import { runThread } from './run-thread.ts'

// Where a thread begins (spawn.ts starts it).

await runThread(workerData as ThreadStart, parentPort!)
// Handles of libraries may not hold the thread: everything of ours is closed.
process.exit()
