import { optionLines, parseOptions, UsageError, wholeNumber } from '../cli/options.ts'

export interface ChaosOptions {
  readonly minutes: number
  readonly brokers: 1 | 3
  readonly replicas: number
  /** Payments per second. */
  readonly rate: number
  /** Copies of each task's state beside the one that is in use. */
  readonly standbys: number
  readonly seed: number
}

const options = {
  minutes: wholeNumber('how long faults come; a slow machine takes longer for all of them (default 2)', 2, 1),
  brokers: wholeNumber('1, or 3: then everything has three copies, two of them in sync (default 1)', 1, 1),
  replicas: wholeNumber('processes that share the work (default 3)', 3, 2),
  rate: wholeNumber('payments per second (default 2000)', 2000, 1),
  standbys: wholeNumber('copies of each state that are kept up to date elsewhere (default 0)', 0),
  seed: wholeNumber('of the payments, and of what happens in which order (default 1)', 1, 0),
}

export const help = `Breaks the payment-fraud application on real Kafka, and checks that nobody can tell.

  npm run chaos -- [options]
${optionLines(options)}

Replicas are processes: they are killed with and without their state, frozen beyond their session, frozen and replaced by
another process of their name, restarted one after the other, and joined by others for a moment. Brokers are killed and restarted. Payments come all the while. In the
end everything that was ever visible to a read_committed reader is compared with what an oracle computes from the input.

stderr: progress. stdout: one JSON object. Exit code 0: nothing lost, doubled or out of order, and all as it should be;
1: not so, or the run failed; 2: the command line makes no sense.
`

/** What `args` says; null: help is wanted. Throws a `UsageError`. */
export function readOptions(args: readonly string[]): ChaosOptions | null {
  const values = parseOptions(options, args)
  if (values === null) return null
  const { brokers } = values
  if (brokers !== 1 && brokers !== 3) throw new UsageError(`--brokers ${brokers}: give 1 or 3.`)
  return { ...values, brokers }
}
