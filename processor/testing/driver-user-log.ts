import type { SubTopology } from '../../topology/compiled.ts'
import type { LogSpec } from '../../topology/state.ts'
import { newCounter } from '../operators/operator.ts'
import { UserLog } from '../operators/user-log.ts'
import type { AppTopics } from '../runtime/topics.ts'
import type { DriverEngine } from './driver-engine.ts'
import type { LogView } from './driver-stores.ts'

/** Logs are packed: they are read as their own code reads them, from state that is restored for that. */
export function logView(
  spec: LogSpec<any, any>,
  part: SubTopology,
  engine: DriverEngine,
  topics: AppTopics,
): LogView<any, any> {
  return {
    values(key) {
      const found: { timeMs: number; value: unknown }[] = []
      for (let partition = 0; partition < topics.tasks[part.id]!; partition++) {
        const { state } = engine.openState({ part: part.id, partition }, null)
        new UserLog(spec, { state, dropped: newCounter }).scan(key, 0, Infinity, (value, timeMs) => {
          found.push({ timeMs, value })
          return true
        })
      }
      return found
    },
  }
}
