import { Buffer } from 'node:buffer'
import type { Analytics, RankItem } from '../../../schemas/payments/types.ts'
import type { Judged } from './judge.ts'

type Put = (figure: Partial<Analytics> & Pick<Analytics, 'kpi' | 'windowStart' | 'windowEnd' | 'count'>) => void

/** Every final figure of these payments (valid and not late), by its key in `analytics`. */
export function figuresOf(payments: readonly Judged[]): Map<string, Analytics> {
  const figures = new Map<string, Analytics>()
  const put: Put = given => {
    const blank = {
      dimension: '',
      member: '',
      currency: '',
      numerator: 0,
      denominator: 1,
      unit: 'MINOR' as const,
      items: [],
    }
    const figure: Analytics = { ...blank, ...given, final: true, revision: 0 }
    figures.set([figure.kpi, figure.dimension, figure.member, figure.currency, figure.windowStart].join('/'), figure)
  }
  const settled = payments.filter(({ payment }) => payment.status === 'APPROVED')
  for (const [start, inside] of windows(settled, 60_000, 20_000)) putVolume(inside, start, put)
  for (const [start, inside] of windows(payments, 60_000, 20_000)) putAlertRate(inside, start, put)
  for (const [start, inside] of windows(settled, 60_000, 60_000)) putCommission(inside, start, put)
  for (const [start, inside] of windows(settled, 300_000, 300_000)) putTop(inside, start, put)
  return figures
}

function putVolume(inside: readonly Judged[], start: number, put: Put): void {
  for (const [currency, some] of groups(inside, j => j.payment.currency)) {
    const volume = (dimension: string, member: string, list: readonly Judged[]): void => {
      const window = { windowStart: start, windowEnd: start + 60_000 }
      const numerator = total(list, j => j.payment.amountMinor)
      put({ kpi: 'volume', dimension, member, currency, ...window, count: list.length, numerator })
    }
    volume('', '', some)
    for (const [category, list] of groups(some, j => j.payment.category)) volume('category', category, list)
  }
}

function putAlertRate(inside: readonly Judged[], start: number, put: Put): void {
  const rate = (dimension: string, member: string, list: readonly Judged[]): void => {
    const window = { windowStart: start, windowEnd: start + 60_000 }
    const numerator = list.filter(j => j.alert !== null).length
    const figure = { count: list.length, numerator, denominator: list.length, unit: 'RATIO' as const }
    put({ kpi: 'alert.rate', dimension, member, ...window, ...figure })
  }
  rate('', '', inside)
  for (const [level, list] of groups(inside, j => j.level)) rate('level', level, list)
}

function putCommission(inside: readonly Judged[], start: number, put: Put): void {
  for (const [, list] of groups(inside, j => `${j.payment.currency} ${j.payment.commissionType}`)) {
    const { currency, commissionType } = list[0]!.payment
    put({
      kpi: 'commission.by_type',
      dimension: 'commissionType',
      member: commissionType,
      currency,
      windowStart: start,
      windowEnd: start + 60_000,
      count: list.length,
      numerator: total(list, j => j.payment.commissionMinor),
    })
  }
}

function putTop(inside: readonly Judged[], start: number, put: Put): void {
  for (const [currency, list] of groups(inside, j => j.payment.currency)) {
    for (const dimension of ['', 'count']) {
      put({
        kpi: 'merchant.top',
        dimension,
        currency,
        windowStart: start,
        windowEnd: start + 300_000,
        count: list.length,
        numerator: total(list, j => j.payment.commissionMinor),
        items: topFive(list, dimension === 'count'),
      })
    }
  }
}

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
  const merchants = [...groups(list, j => j.payment.merchantId)].map(([member, some]) => ({
    member,
    numerator: total(some, j => j.payment.commissionMinor),
    count: some.length,
  }))
  const before = (a: (typeof merchants)[number], b: (typeof merchants)[number]): boolean => {
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
