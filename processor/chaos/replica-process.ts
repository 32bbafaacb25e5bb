import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { Scheduler } from '../ports.ts'
import type { ReplicaOptions, ReplicaReport } from './replica-protocol.ts'

export interface ReplicaEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A replica from the outside. */
export class ReplicaProcess {
  readonly end: Promise<ReplicaEnd>
  readonly #child: ChildProcess
  readonly #scheduler: Scheduler
  readonly #onReport: (report: ReplicaReport) => void
  readonly #said = new Set<ReplicaReport['kind']>()
  #failure: string | null = null
  #hasEnded = false
  /** It was told to end, or killed: its end is no surprise. */
  #isDismissed = false
  /** Another process has its name: it has to end by itself, and to say why. */
  #isReplaced = false

  constructor(
    options: ReplicaOptions,
    outside: {
      readonly scheduler: Scheduler
      /** Where its log goes. */
      readonly logFile: string
      readonly onReport: (report: ReplicaReport) => void
      readonly onSurprise: (what: string) => void
    },
  ) {
    this.#scheduler = outside.scheduler
    this.#onReport = outside.onReport
    const log = openSync(outside.logFile, 'a')
    const program = join(import.meta.dirname, 'replica.ts')
    this.#child = spawn(
      process.execPath,
      ['--max-semi-space-size=8', '--heap-growing-percent=50', program, JSON.stringify(options)],
      {
        stdio: ['ignore', 'pipe', log],
      },
    )
    closeSync(log)
    this.#listen()
    this.end = new Promise((resolve, reject) => {
      this.#child.on('error', reject)
      this.#child.on('close', (code, signal) => {
        this.#hasEnded = true
        const isExpected = this.#isReplaced
          ? (this.#failure ?? '').includes('Another process has joined')
          : this.#failure === null && this.#isDismissed
        if (!isExpected) {
          outside.onSurprise(
            `replica ${options.name} ended by itself (${code ?? signal}): ${this.#failure ?? 'no word'}`,
          )
        }
        resolve({ code, signal })
      })
    })
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  has(said: ReplicaReport['kind']): boolean {
    return this.#said.has(said)
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGTERM' || signal === 'SIGKILL') this.#isDismissed = true
    this.#child.kill(signal)
  }

  replaced(): void {
    this.#isReplaced = true
  }

  kill(): Promise<ReplicaEnd> {
    this.signal('SIGKILL')
    return this.end
  }

  /** False: it ended, or the time has passed, before it said so. */
  async says(kind: ReplicaReport['kind'], timeoutMs: number): Promise<boolean> {
    const stepMs = 20
    for (let waitedMs = 0; !this.#said.has(kind); waitedMs += stepMs) {
      if (this.#hasEnded || waitedMs >= timeoutMs) return false
      await this.#scheduler.sleep(stepMs)
    }
    return true
  }

  #listen(): void {
    let rest = ''
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) {
        const report = JSON.parse(line) as ReplicaReport
        this.#said.add(report.kind)
        if (report.kind === 'failed') this.#failure = report.message
        this.#onReport(report)
      }
    })
  }
}
