import { exitCodeOf, failureText } from './processor/cli/fail.ts'
import { help, readStartOptions, type StartOptions } from './start/options.ts'
import { run, type RunEnd } from './start/run.ts'

// `npm start`: the payment-fraud application with a producer and a broker of its own, in one process.

const say = (text: string): void => void process.stderr.write(`${text}\n`)

/** The first Ctrl-C ends the run in good order, the second at once. */
function stopOnSignal(): AbortSignal {
  const controller = new AbortController()
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  return controller.signal
}

function report({ result, isComplete, imbalances }: RunEnd, options: StartOptions): void {
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`)
  for (const imbalance of imbalances) say(`error: ${imbalance}. This is a fault of the program; please report it.`)
  if (imbalances.length > 0) process.exitCode = 1
  else if (options.isBounded && !isComplete) process.exitCode = 130
}

async function main(): Promise<void> {
  // The reader of our output may go before its end, as `head` does.
  process.stdout.on('error', () => process.exit(0))
  let withStack = false
  try {
    const options = readStartOptions(process.argv.slice(2))
    if (options === null) {
      process.stdout.write(help)
      return
    }
    withStack = options.logLevel === 'debug'
    const colours = process.env['NO_COLOR'] === undefined
    const output = options.json ? process.stderr : process.stdout
    report(await run(options, { output, errors: process.stderr, colours, signal: stopOnSignal() }), options)
  } catch (error) {
    process.exitCode = exitCodeOf(error)
    say(failureText(error, withStack))
  }
}

await main()
// Handles of libraries may not hold the process: everything of ours is closed. What was written is on its way out
// first.
process.stdout.write('', () => process.exit())
