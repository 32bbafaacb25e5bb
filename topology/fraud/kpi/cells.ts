import type { Evaluated } from '../evaluate.ts'
import { KeyNames } from './key.ts'
import type { Kpi, KpiWindow } from './catalogue.ts'

/** What one payment adds to one figure. */
export interface Cell {
  /** `<kpi>/<dimension>/<member>/<currency>`: the key of the figure without its window. */
  key: string
  numerator: number
  denominator: number
}

/** What one payment adds to one ranking. */
export interface RankCell {
  /** The key of the ranking: its dimensions share one state, so the dimension is empty here. */
  readonly key: string
  readonly member: string
  readonly numerator: number
}

/** All that a payment adds to the sums of this window. The answer is the same list every time, filled anew. */
export function sumCells(kpis: readonly Kpi[], window: KpiWindow): (evaluated: Evaluated) => Cell[] {
  const served = kpis.flatMap(kpi => (kpi.kind === 'sum' && kpi.windows.includes(window) ? [kpi] : []))
  const parts = served.map(kpi => ({
    kpi,
    members: Object.entries(kpi.dimensions).map(([dimension, member]) => ({
      member,
      names: new KeyNames(kpi.kpi, dimension),
    })),
  }))
  const made: Cell[] = []
  const cells: Cell[] = []
  return evaluated => {
    cells.length = 0
    for (let i = 0; i < parts.length; i++) {
      const { kpi, members } = parts[i]!
      if (!kpi.population(evaluated)) continue
      const numerator = kpi.numerator(evaluated)
      const denominator = kpi.denominator === null ? 0 : kpi.denominator(evaluated)
      const currency = kpi.money ? evaluated.past.currency : ''
      for (let j = 0; j < members.length; j++) {
        const { member, names } = members[j]!
        const cell = (made[cells.length] ??= { key: '', numerator: 0, denominator: 0 })
        cell.key = names.of(member(evaluated), currency)
        cell.numerator = numerator
        cell.denominator = denominator
        cells.push(cell)
      }
    }
    return cells
  }
}

/** All that a payment adds to the rankings of this window. */
export function rankCells(kpis: readonly Kpi[], window: KpiWindow): (evaluated: Evaluated) => RankCell[] {
  const parts = kpis.flatMap(kpi =>
    kpi.kind === 'top' && kpi.windows.includes(window) ? [{ kpi, names: new KeyNames(kpi.kpi, '') }] : [],
  )
  return evaluated => {
    const cells: RankCell[] = []
    for (let i = 0; i < parts.length; i++) {
      const { kpi, names } = parts[i]!
      if (!kpi.population(evaluated)) continue
      const key = names.of('', kpi.money ? evaluated.past.currency : '')
      cells.push({ key, member: kpi.member(evaluated), numerator: kpi.numerator(evaluated) })
    }
    return cells
  }
}
