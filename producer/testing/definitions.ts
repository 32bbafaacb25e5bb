import type { Payment } from '../../schemas/payments/types.ts'
import type { Emission } from '../emission.ts'

// For tests: the rules as their definitions read, over plain lists and without haste.

export function metresBetween(a: Payment, b: Payment): number {
  const radians = Math.PI / 180
  const [lat1, lon1] = [a.geo!.latitude! * radians, a.geo!.longitude! * radians]
  const [lat2, lon2] = [b.geo!.latitude! * radians, b.geo!.longitude! * radians]
  const h = Math.sin((lat2 - lat1) / 2) ** 2 + Math.cos(lat1) * Math.cos(lat2) * Math.sin((lon2 - lon1) / 2) ** 2
  return 2 * 6_371_008.8 * Math.asin(Math.min(1, Math.sqrt(h)))
}

/** The rules that a payment fires, given what was processed of the same customer before it. */
export function firedRules(payment: Payment, processed: readonly Payment[]): string[] {
  const t = payment.eventTime
  const prior = processed.filter(old => old.eventTime <= t && old.eventTime >= t - 30 * 86_400_000)
  const within = (ms: number): Payment[] => prior.filter(old => old.eventTime >= t - ms)
  const fired: string[] = []
  if (within(120_000).length + 1 > 5) fired.push('velocity')
  if (payment.geo !== null) {
    const located = prior.filter(old => old.geo !== null)
    if (within(300_000).some(old => old.geo !== null && metresBetween(old, payment) > 50_000)) fired.push('geo-50km')
    const latest = located.reduce<Payment | null>(
      (best, next) => (best === null || next.eventTime >= best.eventTime ? next : best),
      null,
    )
    if (latest !== null) {
      const metres = metresBetween(latest, payment)
      if (metres > 50_000 && 3600 * metres > 1000 * (t - latest.eventTime)) fired.push('geo-speed')
    }
  }
  const baseline = prior.filter(old => !['DECLINED', 'FAILED', 'REVERSED', 'REFUNDED'].includes(old.status))
  const sum = baseline.reduce((total, old) => total + old.amountMinor, 0)
  if (baseline.length >= 3 && payment.amountMinor * baseline.length > 10 * sum) fired.push('amount-10x')
  if (payment.amountMinor > 100_000) fired.push('high-amount')
  return fired
}

/** What each accepted emission fires, in sending order. */
export function firedByEmission(emissions: readonly Emission[]): Map<Emission, string[]> {
  const processed = new Map<string, Payment[]>()
  const fired = new Map<Emission, string[]>()
  for (const emission of emissions) {
    const { payment, expect } = emission
    if (expect!.kind !== 'valid' && expect!.kind !== 'late') continue
    const before = processed.get(payment.customerId) ?? []
    fired.set(emission, firedRules(payment, before))
    before.push(payment)
    processed.set(payment.customerId, before)
  }
  return fired
}

export function countBy<T>(items: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return counts
}
