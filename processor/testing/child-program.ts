import { writeSync } from 'node:fs'

/** The program has failed, and so ends. */
export interface Failed {
  readonly kind: 'failed'
  readonly message: string
}

/** Tells the parent, one JSON object a line. Written at once: what is still in a buffer dies with the process. */
export const report = (what: object): void => void writeSync(1, `${JSON.stringify(what)}\n`)

/** Runs a test's child process, says why it fails if it does, and ends it: whatever is still open. */
export function runChild(run: () => Promise<void>): void {
  run().then(
    () => process.exit(0),
    (error: unknown) => {
      const failed: Failed = {
        kind: 'failed',
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      }
      report(failed)
      process.exit(1)
    },
  )
}
