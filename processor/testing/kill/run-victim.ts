import { spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Scheduler } from '../../ports.ts'
import type { VictimOptions, VictimReport } from './victim-protocol.ts'

/** How a victim ended: by itself, or by a signal. */
export interface VictimEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A victim from the outside: what it said, and its end. */
export class Victim {
  readonly reports: VictimReport[] = []
  readonly end: Promise<VictimEnd>
  readonly #child
  readonly #scheduler: Scheduler
  #hasEnded = false
  #errors = ''
  #wake: () => void = () => undefined

  constructor(options: VictimOptions, scheduler: Scheduler) {
    this.#scheduler = scheduler
    const program = join(import.meta.dirname, 'victim.ts')
    this.#child = spawn(process.execPath, [program, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe'] })
    const { stdout, stderr } = this.#child
    let rest = ''
    stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()!
      for (const line of lines) this.reports.push(JSON.parse(line) as VictimReport)
      this.#wake()
    })
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    this.end = new Promise((resolve, reject) => {
      this.#child.on('error', reject)
      // `close` comes after the last of its output.
      this.#child.on('close', (code, signal) => {
        this.#hasEnded = true
        this.#wake()
        resolve({ code, signal })
      })
    })
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Waits for a report of this kind. Rejects when the victim ends without it, or `timeoutMs` have passed. */
  async until<Kind extends VictimReport['kind']>(
    kind: Kind,
    timeoutMs: number,
  ): Promise<Extract<VictimReport, { kind: Kind }>> {
    const is = (report: VictimReport): report is Extract<VictimReport, { kind: Kind }> => report.kind === kind
    return this.#wait(() => this.reports.find(is), `A victim did not say '${kind}'`, timeoutMs)
  }

  /** Waits for its end. Rejects, and kills it, when that has not come after `timeoutMs`. */
  async untilEnd(timeoutMs: number): Promise<VictimEnd> {
    await this.#wait(() => (this.#hasEnded ? true : undefined), 'A victim did not end', timeoutMs)
    return this.end
  }

  async #wait<T>(find: () => T | undefined, what: string, timeoutMs: number): Promise<T> {
    const late = new AbortController()
    let isLate = false
    void this.#scheduler.sleep(timeoutMs, late.signal).then(() => {
      isLate = true
      this.#wake()
    })
    try {
      for (;;) {
        const found = find()
        if (found !== undefined) return found
        if (isLate || this.#hasEnded) {
          this.signal('SIGKILL')
          throw new Error(`${what} ${isLate ? `within ${timeoutMs} ms` : 'before its end'}.\n${this.tail()}`)
        }
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
    } finally {
      late.abort()
    }
  }

  /** What it logged and its last words, for messages. */
  tail(): string {
    const logged = this.reports.filter(({ kind }) => kind === 'log').slice(0, 10)
    return [...logged, ...this.reports.slice(-15)].map(report => JSON.stringify(report)).join('\n') + this.#errors
  }
}
