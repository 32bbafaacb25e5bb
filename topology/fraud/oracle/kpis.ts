import { Buffer } from 'node:buffer'
import type { Analytics, AnalyticsUnit, RankItem } from '../../../schemas/payments/types.ts'
import type { Judged } from './judge.ts'

/** Every final figure of these payments (valid and not late), by its key in `analytics`. */
export function figuresOf(payments: readonly Judged[]): Map<string, Analytics> {
  const figures = new Map<string, Analytics>()
  const put = (figure: Omit<Analytics, 'final' | 'revision'>): void => {
    const { kpi, dimension, member, currency, windowStart } = figure
    figures.set([kpi, dimension, member, currency, windowStart].join('/'), { ...figure, final: true, revision: 0 })
  }
  for (const [start, inside] of windows(payments, 60_000, 20_000)) {
    const plain = (kpi: string, dimension: string, unit: AnalyticsUnit) =>
      ({ kpi, dimension, unit, windowStart: start, windowEnd: start + 60_000, items: [] })
    const settled = inside.filter(isSettled)
    for (const [currency, some] of groups(settled, j => j.payment.currency)) {
      const volume = (member: string, dimension: string, list: Judged[]): void =>
        put({ ...plain('volume', dimension, 'MINOR'), member, currency, count: list.length, numerator: total(list, j => j.payment.amountMinor), denominator: 1 })
      volume('', '', some)
      for (const [category, list] of groups(some, j => j.payment.category)) volume(category, 'category', list)
    }
    const rate = (member: string, dimension: string, list: Judged[]): void =>
      put({
        ...plain('alert.rate', dimension, 'RATIO'), member, currency: '', count: list.length,
        numerator: list.filter(j => j.alert !== null).length, denominator: list.length,
      })
    rate('', '', inside)
    for (const [level, list] of groups(inside, j => j.level)) rate(level, 'level', list)
  }
  for (const [start, inside] of windows(payments.filter(isSettled), 60_000, 60_000)) {
    for (const [, list] of groups(inside, j => `${j.payment.currency} ${j.payment.commissionType}`)) {
      const { currency, commissionType } = list[0]!.payment
      put({
        kpi: 'commission.by_type', dimension: 'commissionType', member: commissionType, currency, unit: 'MINOR', items: [],
        windowStart: start, windowEnd: start + 60_000,
        count: list.length, numerator: total(list, j => j.payment.commissionMinor), denominator: 1,
      })
    }
  }
  for (const [start, inside] of windows(payments.filter(isSettled), 300_000, 300_000)) {
    for (const [currency, list] of groups(inside, j => j.payment.currency)) {
      for (const dimension of ['', 'count']) {
        put({
          kpi: 'merchant.top', dimension, member: '', currency, unit: 'MINOR', windowStart: start, windowEnd: start + 300_000,
          count: list.length, numerator: total(list, j => j.payment.commissionMinor), denominator: 1, items: topFive(list, dimension === 'count'),
        })
      }
    }
  }
  return figures
}

const isSettled = (j: Judged): boolean => j.payment.status === 'APPROVED'

function total(list: readonly Judged[], figure: (judged: Judged) => number): number {
  let sum = 0n
  for (const judged of list) sum += BigInt(figure(judged))
  return Number(sum)
}

/** The windows that hold something, by their start; each is `[start, start + size)`. */
function windows(payments: readonly Judged[], size: number, every: number): Map<number, Judged[]> {
  const found = new Map<number, Judged[]>()
  for (const judged of payments) {
    const t = judged.payment.eventTime
    for (let start = t - (t % every); start > t - size; start -= every) {
      if (!found.has(start)) found.set(start, [])
      found.get(start)!.push(judged)
    }
  }
  return found
}

function groups(list: readonly Judged[], by: (judged: Judged) => string): Map<string, Judged[]> {
  return Map.groupBy(list, by)
}

function topFive(list: readonly Judged[], byCount: boolean): RankItem[] {
  const merchants = [...groups(list, j => j.payment.merchantId)].map(([member, some]) =>
    ({ member, numerator: total(some, j => j.payment.commissionMinor), count: some.length }))
  const before = (a: typeof merchants[number], b: typeof merchants[number]): boolean => {
    const [x, y] = byCount ? [a.count, b.count] : [a.numerator, b.numerator]
    if (x !== y) return x > y
    return Buffer.from(a.member).toString('hex') < Buffer.from(b.member).toString('hex')
  }
  const items: RankItem[] = []
  while (items.length < 5 && merchants.length > 0) {
    let best = 0
    for (let i = 1; i < merchants.length; i++) if (before(merchants[i]!, merchants[best]!)) best = i
    items.push({ rank: items.length + 1, ...merchants.splice(best, 1)[0]! })
  }
  return items
}
