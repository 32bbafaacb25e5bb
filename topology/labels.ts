import type { RunStep } from './compiled.ts'

/** What a step does, in one line. */
export function label(step: RunStep): string {
  switch (step.kind) {
    case 'source':
      return `${step.table ? 'table' : 'source'} ${step.topic.name}`
    case 'filter':
      return named(step.keep ? 'filter' : 'filterNot', step.fn)
    case 'map':
    case 'flatMap':
    case 'peek':
      return named(step.kind, step.fn)
    case 'rekey':
      return `${named('rekey', step.fn)} as ${step.key.name}`
    case 'merge':
      return 'merge'
    case 'split':
      return `split by ${step.predicates.length}`
    case 'branch':
      return `branch ${step.name ?? step.index}`
    case 'lateness':
      return `lateness ${step.store}, ${grace(step.graceMs)}`
    case 'join':
      return named(step.outer ? 'leftJoin' : 'join', step.fn)
    case 'tableFilter':
      return named(step.keep ? 'filter rows' : 'filterNot rows', step.fn)
    case 'tableMap':
      return named('map rows', step.fn)
    case 'tableJoin':
      return named(`${step.how} join of rows`, step.fn)
    case 'upsert':
      return `rows of ${step.topic}, not kept`
    case 'process':
      return `process ${step.name}`
    case 'sink':
      return `to ${step.topic.name}`
    case 'tableStore':
      return `rows ${step.store}`
    case 'repartitionSource':
      return `from repartition ${step.repartition}`
    case 'repartitionSink':
      return `to repartition ${step.repartition}`
    case 'aggregate':
      return `aggregate ${step.store} ${fields(step.spec, ({ kind }) => kind)}`
    case 'combine':
      return `combine into repartition ${step.repartition}, ${windows(step.window)}`
    case 'windowed': {
      const merges = step.merges ? ', of partial aggregates' : ''
      return (
        `windows ${step.store}, ${windows(step.window)}, ${step.emit}${merges} ` +
        `${fields(step.spec, ({ kind }) => kind)}`
      )
    }
    case 'session':
    case 'sliding': {
      const { window, store, emit, spec } = step
      const span = window.kind === 'session' ? `gap ${duration(window.gapMs)}` : duration(window.diffMs)
      const kind = window.kind === 'session' ? 'sessions' : 'sliding'
      return `${kind} ${store}, ${span}, ${grace(window.graceMs)}, ${emit} ${fields(spec, field => field.kind)}`
    }
    case 'trailing': {
      const spans = fields(
        step.spans,
        ({ spanMs, includes, aggregate }) =>
          `${aggregate.kind} ${includes === 'event' ? 'over' : 'prior'} ${duration(spanMs)}`,
      )
      return `trailing ${step.store}, ${grace(step.graceMs)} ${spans}`
    }
  }
}

/** The names of the stores that a step keeps. */
export function storesOf(step: RunStep): readonly string[] {
  if (step.kind === 'process') return Object.values(step.stores).map(store => store.name)
  return 'store' in step ? [step.store] : []
}

function fields<T>(spec: Readonly<Record<string, T>>, show: (value: T) => string): string {
  return `{ ${Object.entries(spec)
    .map(([field, value]) => `${field}: ${show(value)}`)
    .join(', ')} }`
}

const windows = ({ sizeMs, advanceMs, graceMs }: { sizeMs: number; advanceMs: number; graceMs: number }): string =>
  `${duration(sizeMs)}${advanceMs === sizeMs ? '' : ` every ${duration(advanceMs)}`}, ${grace(graceMs)}`

/** A function given by name shows it; one written in place has none. */
const named = (what: string, fn: { readonly name: string }): string =>
  /^\w+$/.test(fn.name) ? `${what} ${fn.name}` : what

const grace = (ms: number): string => (ms === 0 ? 'no grace' : `grace ${duration(ms)}`)

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

function duration(ms: number): string {
  const unit = units.find(([, size]) => ms >= size && ms % size === 0)
  return unit === undefined ? `${ms}ms` : `${ms / unit[1]}${unit[0]}`
}
