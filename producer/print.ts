import type { Emission } from './emission.ts'
import type { Sink } from './sink.ts'

// Sinks without a broker, for looking at what would be sent.

/** Resolves when more may be written. */
type Write = (text: string) => Promise<void>

/** Each emission as a line of JSON. */
export const lineSink = (write: Write): Sink => ({
  send: emissions => write(emissions.map(emission => `${JSON.stringify(emission)}\n`).join('')),
  finish: () => Promise.resolve(),
  close: () => Promise.resolve(),
})

/** At the end, one line of JSON that counts what there was. */
export function statisticsSink(write: Write): Sink {
  const kinds: Record<string, number> = {}
  const codes: Record<string, number> = {}
  const scenarios: Record<string, number> = {}
  let records = 0
  let from = Infinity
  let to = -Infinity
  const count = (counts: Record<string, number>, name: string): void => {
    counts[name] = (counts[name] ?? 0) + 1
  }
  const add = ({ expect, label, timestamp }: Emission): void => {
    records++
    from = Math.min(from, timestamp)
    to = Math.max(to, timestamp)
    if (expect !== null) count(kinds, expect.kind)
    for (const code of expect?.codes ?? []) count(codes, code)
    if (label !== null && label.fraud) count(scenarios, label.scenario === '' ? 'fraud' : label.scenario)
  }
  const instant = (timeMs: number): string | null => (records === 0 ? null : new Date(timeMs).toISOString())
  return {
    send: emissions => {
      for (const emission of emissions) add(emission)
      return Promise.resolve()
    },
    finish: () => Promise.resolve(),
    close: () => {
      const sent = { from: instant(from), to: instant(to) }
      return write(`${JSON.stringify({ records, kinds, codes, fraudPayments: scenarios, sent })}\n`)
    },
  }
}
