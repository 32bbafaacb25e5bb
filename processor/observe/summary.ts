import type { Figures } from './figures.ts'
import type { RestoreReading, StateName } from './readings.ts'
import { bar, bytesText, durationText, grouped, instantText } from './text.ts'

/** All that the summary shows, at one moment. */
export interface SummaryView {
  /** What runs on what: `fraud on the embedded broker`. */
  readonly title: string
  /** Where the payments come from; null: not from this process. */
  readonly feed: string | null
  readonly state: StateName
  readonly elapsedSeconds: number
  readonly figures: Figures
  readonly paymentsPerSecond: number
  readonly alertsPerSecond: number
  readonly lagRecords: number
  readonly streamTimeMs: number
  /** Median and longest of the last commits; null before the first. */
  readonly commitMs: { readonly median: number; readonly longest: number } | null
  readonly stateSize: StateSize
  readonly rssBytes: number
  readonly restore: RestoreReading
  readonly url: string | null
}

export interface StateSize {
  readonly entries: number
  readonly cacheBytes: number
  readonly pendingBytes: number
}

/** How parts of a line are set off. */
export interface Style {
  bold(text: string): string
  dim(text: string): string
}

export const plain: Style = { bold: text => text, dim: text => text }

const sgr = (code: number, text: string): string => `\u001b[${code}m${text}\u001b[0m`

export const coloured: Style = { bold: text => sgr(1, text), dim: text => sgr(2, text) }

const nameWidth = 16
const barWidth = 30

/** The live summary, line by line. */
export function summaryLines(view: SummaryView, style: Style = plain): string[] {
  const { figures, state, restore } = view
  const head = [style.bold('Millrace'), view.title, state, durationText(view.elapsedSeconds)]
  const lines = [head.join(style.dim('  ·  '))]
  const about = [view.feed, view.url].filter(each => each !== null).join('  ·  ')
  if (about !== '') lines.push(style.dim(about))
  lines.push('')
  if (state === 'restoring' && restore.total > 0) lines.push(...restoreLines(restore), '')
  lines.push(
    row('payments', figures.payments, `${grouped(view.paymentsPerSecond)}/s`, style),
    style.dim(
      `  valid ${grouped(figures.valid)}   rejected ${grouped(figures.rejected)}   ` +
        `duplicates ${grouped(figures.duplicates)}   late ${grouped(figures.late)}`,
    ),
    row('alerts', figures.alerts, `${grouped(view.alertsPerSecond)}/s`, style),
    ...counted(figures.alertsByRule, style),
    row('rejected', figures.rejected, '', style),
    ...counted(figures.rejectedByCode, style),
    row('analytics', figures.analytics, '', style),
    '',
    `event time ${instantText(view.streamTimeMs)} UTC   lag ${grouped(view.lagRecords)} records   ${commitText(view)}`,
    `state ${grouped(view.stateSize.entries)} entries in memory, ${bytesText(view.stateSize.cacheBytes)}   ` +
      `waiting for disk ${bytesText(view.stateSize.pendingBytes)}   RSS ${bytesText(view.rssBytes)}`,
  )
  return lines
}

const row = (name: string, count: number, rate: string, style: Style): string =>
  `${style.bold(name.padEnd(nameWidth))}${grouped(count).padStart(12)}${rate.padStart(12)}`.trimEnd()

/** Names with their counts, largest first, with a bar against the largest. */
function counted(counts: Readonly<Record<string, number>>, style: Style): string[] {
  const entries = Object.entries(counts).toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
  const largest = entries[0]?.[1] ?? 1
  return entries.map(([name, count]) => {
    const filled = '█'.repeat(Math.max(1, Math.round((count / largest) * barWidth)))
    return `  ${name.padEnd(nameWidth - 2)}${grouped(count).padStart(12)}   ${style.dim(filled)}`
  })
}

const commitText = ({ commitMs }: SummaryView): string =>
  commitMs === null
    ? 'no commit yet'
    : `commit ${commitMs.median.toFixed(1)} ms, longest ${commitMs.longest.toFixed(1)} ms`

const restoreLines = ({ records, bytes, remaining, total }: RestoreReading): string[] => {
  const share = total === 0 ? 1 : 1 - remaining / total
  return [
    `restoring state  ${bar(share, barWidth)} ${String(Math.floor(share * 100)).padStart(3)} %`,
    `  ${grouped(records)} records, ${bytesText(bytes)} read; ${grouped(remaining)} of ${grouped(total)} offsets to go`,
  ]
}

/** The same on one line, for outputs that are no terminal. */
export function summaryLine(view: SummaryView): string {
  const { figures, restore, state } = view
  const parts = [
    `${durationText(view.elapsedSeconds)} ${state}`,
    `payments ${grouped(figures.payments)} (${grouped(view.paymentsPerSecond)}/s)`,
    `alerts ${grouped(figures.alerts)}${listed(figures.alertsByRule)}`,
    `rejected ${grouped(figures.rejected)}`,
    `duplicates ${grouped(figures.duplicates)}`,
    `late ${grouped(figures.late)}`,
    `analytics ${grouped(figures.analytics)}`,
    `lag ${grouped(view.lagRecords)}`,
    `event time ${instantText(view.streamTimeMs)}`,
    commitText(view),
    `RSS ${bytesText(view.rssBytes)}`,
  ]
  if (state === 'restoring')
    parts.splice(1, 0, `restoring, ${grouped(restore.remaining)} of ${grouped(restore.total)} offsets to go`)
  return parts.join(' | ')
}

/** At the end of a run. */
export function finalLines(figures: Figures, seconds: number, style: Style = plain): string[] {
  const rate = seconds > 0 ? figures.payments / seconds : 0
  return [
    style.bold(`${grouped(figures.payments)} payments in ${seconds.toFixed(1)} s (${grouped(rate)}/s)`),
    `  ${grouped(figures.valid)} valid, of them ${grouped(figures.late)} late   ` +
      `${grouped(figures.rejected)} rejected   ${grouped(figures.duplicates)} duplicates`,
    `  ${grouped(figures.alerts)} alerts${listed(figures.alertsByRule)}`,
    `  rejected by code${listed(figures.rejectedByCode) || ': none'}`,
    `  ${grouped(figures.analytics)} analytics`,
  ]
}

const listed = (counts: Readonly<Record<string, number>>): string => {
  const entries = Object.entries(counts)
  return entries.length === 0 ? '' : ` (${entries.map(([name, count]) => `${name} ${grouped(count)}`).join(', ')})`
}
