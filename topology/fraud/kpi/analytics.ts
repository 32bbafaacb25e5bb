import type { Analytics } from '../../../schemas/payments/types.ts'
import { exact } from '../../counting.ts'
import type { Span } from '../../windows.ts'
import type { Kpi, SumKpi, TopKpi } from './catalogue.ts'
import { keyOf, partsOf } from './key.ts'
import { ranked, type Scores } from './top.ts'

interface Sums extends Span {
  readonly numerator: number
  readonly denominator: number
  readonly count: number
}

/** The figure of a closed window, from its sums. */
export function figures(kpis: readonly Kpi[]): (sums: Sums, key: string) => Analytics {
  const byName = new Map(kpis.flatMap(kpi => (kpi.kind === 'sum' ? [[kpi.kpi, kpi] as const] : [])))
  return (sums, key) => {
    const parts = partsOf(key)
    const kpi = known<SumKpi>(byName, parts.kpi)
    return {
      ...parts,
      windowStart: sums.startMs,
      windowEnd: sums.endMs,
      count: sums.count,
      numerator: sums.numerator,
      denominator: kpi.denominator === null ? 1 : sums.denominator,
      unit: kpi.unit,
      items: [],
      final: true,
      revision: 0,
    }
  }
}

/** The rankings of a closed window, one for each order; numerator and count are those of all members together. */
export function rankings(
  kpis: readonly Kpi[],
): (found: Span & { readonly scores: Scores }, key: string) => Analytics[] {
  const byName = new Map(kpis.flatMap(kpi => (kpi.kind === 'top' ? [[kpi.kpi, kpi] as const] : [])))
  return ({ scores, startMs, endMs }, key) => {
    const parts = partsOf(key)
    const kpi = known<TopKpi>(byName, parts.kpi)
    let numerator = 0
    let count = 0
    for (const score of scores.values()) {
      numerator = exact(numerator + score.numerator)
      count += score.count
    }
    return kpi.orders.map(order => ({
      ...parts,
      dimension: order,
      windowStart: startMs,
      windowEnd: endMs,
      count,
      numerator,
      denominator: 1,
      unit: kpi.unit,
      items: ranked(scores, order, kpi.size),
      final: true,
      revision: 0,
    }))
  }
}

/** The key of `analytics`: figures of one KPI, member and window replace one another. */
export const analyticsKey = (figure: Analytics): string => `${keyOf(figure)}/${figure.windowStart}`

/** Throws unless the catalogue has this KPI with this dimension and unit. */
export function checkFigure(kpis: readonly Kpi[], figure: Analytics): void {
  const kpi = known(new Map(kpis.map(entry => [entry.kpi, entry])), figure.kpi)
  const dimensions: readonly string[] = kpi.kind === 'sum' ? Object.keys(kpi.dimensions) : kpi.orders
  if (!dimensions.includes(figure.dimension))
    throw new Error(`The KPI '${kpi.kpi}' has no dimension '${figure.dimension}'.`)
  if (figure.unit !== kpi.unit) throw new Error(`The KPI '${kpi.kpi}' has the unit ${kpi.unit}, not ${figure.unit}.`)
}

function known<K extends Kpi>(byName: ReadonlyMap<string, K>, name: string): K {
  const kpi = byName.get(name)
  if (kpi === undefined) throw new Error(`The catalogue has no KPI '${name}'.`)
  return kpi
}
