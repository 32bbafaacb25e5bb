import { spawnSync } from 'node:child_process'

/** Whether Prometheus's own checker of its configuration is here. Debian's package `prometheus` has it. */
export const promtoolAnswers = (): boolean =>
  spawnSync('promtool', ['--version'], { stdio: 'ignore' }).error === undefined
