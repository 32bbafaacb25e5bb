/** The parts of a figure's key. Only the member may hold a `/`. */
export interface KeyParts {
  readonly kpi: string
  readonly dimension: string
  readonly member: string
  readonly currency: string
}

export const keyOf = ({ kpi, dimension, member, currency }: KeyParts): string =>
  `${kpi}/${dimension}/${member}/${currency}`

export function partsOf(key: string): KeyParts {
  const afterKpi = key.indexOf('/')
  const afterDimension = key.indexOf('/', afterKpi + 1)
  const afterMember = key.lastIndexOf('/')
  if (afterDimension < 0 || afterMember <= afterDimension) throw new Error(`'${key}' is no key of a KPI.`)
  return {
    kpi: key.slice(0, afterKpi),
    dimension: key.slice(afterKpi + 1, afterDimension),
    member: key.slice(afterDimension + 1, afterMember),
    currency: key.slice(afterMember + 1),
  }
}

const mostNames = 10_000

/**
 * The keys of one KPI and dimension, each made once: joining four texts for every payment would cost more than the
 * sums.
 */
export class KeyNames {
  readonly #kpi: string
  readonly #dimension: string
  readonly #byCurrency = new Map<string, Map<string, string>>()

  constructor(kpi: string, dimension: string) {
    this.#kpi = kpi
    this.#dimension = dimension
  }

  of(member: string, currency: string): string {
    let names = this.#byCurrency.get(currency)
    if (names === undefined) this.#byCurrency.set(currency, (names = new Map()))
    let key = names.get(member)
    if (key === undefined) {
      // Members come from the input: without a bound they would fill the memory.
      if (names.size >= mostNames) names.clear()
      names.set(member, (key = keyOf({ kpi: this.#kpi, dimension: this.#dimension, member, currency })))
    }
    return key
  }
}
