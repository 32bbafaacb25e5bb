import type { AnalyticsUnit } from '../../../schemas/payments/types.ts'
import type { Evaluated } from '../evaluate.ts'

/** The windows that KPIs are folded over. Each has one store for all of its KPIs. */
export type KpiWindow = 'hop1m' | 'tumble1m' | 'tumble5m'

/** Which payments a KPI is about. */
export type Population = (evaluated: Evaluated) => boolean

/** Valid and not late. */
export const all: Population = () => true
export const settled: Population = ({ payment }) => payment.status === 'APPROVED'

interface KpiBase {
  readonly kpi: string
  readonly windows: readonly KpiWindow[]
  readonly population: Population
  /** Whether there is one figure for each currency. */
  readonly money: boolean
  /** In whole units, for each payment of the population. */
  readonly numerator: (evaluated: Evaluated) => number
  readonly unit: AnalyticsUnit
}

/** A sum, or a ratio of two sums, by the members of each dimension. */
export interface SumKpi extends KpiBase {
  readonly kind: 'sum'
  /** Null: the figure is no ratio, and its denominator is 1. */
  readonly denominator: ((evaluated: Evaluated) => number) | null
  /**
   * Every payment is one member of each dimension, so the members of a dimension add up to the whole. `''`: the
   * whole.
   */
  readonly dimensions: Readonly<Record<string, (evaluated: Evaluated) => string>>
}

/** The members with the largest sums. The dimensions are its orders: `''` by numerator, `count` by number. */
export interface TopKpi extends KpiBase {
  readonly kind: 'top'
  readonly member: (evaluated: Evaluated) => string
  readonly size: number
  readonly orders: readonly ('' | 'count')[]
}

export type Kpi = SumKpi | TopKpi

const whole = (): string => ''

export const catalogue: readonly Kpi[] = [
  {
    kind: 'sum',
    kpi: 'volume',
    windows: ['hop1m'],
    population: settled,
    money: true,
    unit: 'MINOR',
    dimensions: { '': whole, category: ({ payment }) => payment.category },
    numerator: ({ past }) => past.amountMinor,
    denominator: null,
  },
  {
    kind: 'sum',
    kpi: 'alert.rate',
    windows: ['hop1m'],
    population: all,
    money: false,
    unit: 'RATIO',
    dimensions: { '': whole, level: ({ level }) => level },
    numerator: ({ alerts }) => (alerts ? 1 : 0),
    denominator: () => 1,
  },
  {
    kind: 'sum',
    kpi: 'commission.by_type',
    windows: ['tumble1m'],
    population: settled,
    money: true,
    unit: 'MINOR',
    dimensions: { commissionType: ({ payment }) => payment.commissionType },
    numerator: ({ payment }) => payment.commissionMinor,
    denominator: null,
  },
  {
    kind: 'top',
    kpi: 'merchant.top',
    windows: ['tumble5m'],
    population: settled,
    money: true,
    unit: 'MINOR',
    member: ({ payment }) => payment.merchantId,
    size: 5,
    orders: ['', 'count'],
    numerator: ({ payment }) => payment.commissionMinor,
  },
]

/** Throws when a catalogue cannot be served: a KPI twice, a name that would break a key, a unit that says nothing. */
export function checkCatalogue(kpis: readonly Kpi[]): void {
  const seen = new Set<string>()
  for (const kpi of kpis) {
    if (seen.has(kpi.kpi)) throw new Error(`The catalogue has the KPI '${kpi.kpi}' twice.`)
    seen.add(kpi.kpi)
    const dimensions = kpi.kind === 'sum' ? Object.keys(kpi.dimensions) : kpi.orders
    for (const name of [kpi.kpi, ...dimensions]) {
      if (name.includes('/'))
        throw new Error(`'${name}' of the KPI '${kpi.kpi}' has a '/', which parts the fields of a key.`)
    }
    if (kpi.kpi === '' || kpi.windows.length === 0 || dimensions.length === 0) {
      throw new Error(`The KPI '${kpi.kpi}' needs a name, a window and a dimension.`)
    }
    if (kpi.unit === 'UNKNOWN') throw new Error(`The KPI '${kpi.kpi}' has no unit.`)
    if ((kpi.kind === 'sum' && kpi.denominator !== null) !== (kpi.unit === 'RATIO')) {
      throw new Error(
        `The KPI '${kpi.kpi}' has the unit ${kpi.unit}: a RATIO needs a denominator, and only it has one.`,
      )
    }
  }
}
