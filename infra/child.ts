import { execFileSync, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

// Processes of other programs: started with their output in a file, watched by id, stopped by id.

export interface Child {
  readonly pid: number
  /** The last lines that it wrote, for an error message. */
  tail(): string
  alive(): boolean
  /** Sends `signal` and waits for the end; after `timeoutMs` SIGKILL. */
  end(signal: 'SIGTERM' | 'SIGKILL', timeoutMs?: number): Promise<void>
}

export interface LaunchOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly logFile: string
  /** Lives on after this process (`npm run up`). Otherwise it is killed when this process exits. */
  readonly detached: boolean
}

const running = new Set<number>()
process.on('exit', () => {
  for (const pid of running) signalPid(pid, 'SIGKILL')
})

export const isAlive = (pid: number): boolean => signalPid(pid, 0)

const signalPid = (pid: number, signal: NodeJS.Signals | 0): boolean => {
  try {
    process.kill(pid, signal)
    return true
  } catch {
    // No such process: it is not alive, and there is nothing to signal.
    return false
  }
}

/** Whether `pid` runs a command line with `marker` in it: ids are given again after a restart of the machine. */
export const isProcess = (pid: number, marker: string): boolean => {
  try {
    const file = `/proc/${pid}/cmdline`
    // A small Linux has no ps; macOS has no /proc.
    const line = existsSync('/proc/self/cmdline')
      ? readFileSync(file, 'utf8')
      : execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
    return line.includes(marker)
  } catch {
    // No such file, or ps ends with 1: there is no such process.
    return false
  }
}

export const endPid = async (pid: number, signal: 'SIGTERM' | 'SIGKILL', timeoutMs = 20_000): Promise<void> => {
  signalPid(pid, signal)
  const killAtMs = Date.now() + timeoutMs
  let killed = signal === 'SIGKILL'
  while (isAlive(pid)) {
    if (!killed && Date.now() > killAtMs) killed = signalPid(pid, 'SIGKILL')
    await sleep(20)
  }
}

export const tailOf = (logFile: string, lines = 15): string =>
  readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')

export const launch = ({ command, args, cwd, logFile, detached }: LaunchOptions): Promise<Child> =>
  new Promise((resolve, reject) => {
    const log = openSync(logFile, 'a')
    const child = spawn(command, args, { cwd, detached, stdio: ['ignore', log, log] })
    closeSync(log)
    let exited = false
    child.on('exit', () => {
      exited = true
      if (child.pid !== undefined) running.delete(child.pid)
    })
    child.on('error', reject)
    child.on('spawn', () => {
      const pid = child.pid!
      child.unref()
      if (!detached) running.add(pid)
      const alive = (): boolean => !exited && isAlive(pid)
      resolve({
        pid,
        tail: () => tailOf(logFile),
        alive,
        end: async (signal, timeoutMs = 20_000) => {
          if (!alive()) return
          signalPid(pid, signal)
          const killAtMs = Date.now() + timeoutMs
          while (alive()) {
            if (Date.now() > killAtMs) signalPid(pid, 'SIGKILL')
            await sleep(20)
          }
        },
      })
    })
  })

/** Asks `ready` until it says true. Throws when the process ends before, or after `timeoutMs`. */
export const untilReady = async (
  name: string,
  child: Child,
  ready: () => Promise<boolean>,
  timeoutMs: number,
): Promise<void> => {
  const lateMs = Date.now() + timeoutMs
  while (!(await ready())) {
    if (!child.alive()) throw new Error(`${name} ended while starting. Its last lines:\n${child.tail()}`)
    if (Date.now() > lateMs) {
      await child.end('SIGKILL')
      throw new Error(`${name} was not ready after ${timeoutMs / 1000} s. Its last lines:\n${child.tail()}`)
    }
    await sleep(30)
  }
}

const listenOn = (port: number): Promise<number | null> =>
  new Promise(resolve => {
    const server = createServer()
    server.on('error', () => resolve(null))
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : null))
    })
  })

/** `preferred`, or the next free one after it; any free port without it. */
export const freePort = async (preferred?: number): Promise<number> => {
  if (preferred === undefined) {
    const port = await listenOn(0)
    if (port === null) throw new Error('No free port on 127.0.0.1.')
    return port
  }
  for (let port = preferred; port < preferred + 100; port++) if ((await listenOn(port)) !== null) return port
  throw new Error(`No free port on 127.0.0.1 from ${preferred} to ${preferred + 99}.`)
}
