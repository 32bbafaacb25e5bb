import type { Payment } from '../../../schemas/payments/types.ts'
import { rejected, type Damage, type Emission } from '../../emission.ts'

const dayMs = 86_400_000
/** About ten years. */
const tenYearsMs = 3652 * dayMs

/** What one way of spoiling changes. */
interface Spoiling {
  readonly change?: (good: Payment) => Partial<Payment>
  readonly damage?: Damage
  readonly key?: (good: Payment) => string | null
}

/** Each code of validation that a record on the topic can have, and the ways to earn it, taken in turn. */
const spoilings: Readonly<Record<string, readonly Spoiling[]>> = {
  ERR_EMPTY: [{ damage: 'NULL' }, { damage: 'ZERO' }],
  ERR_FRAME: [{ damage: 'MAGIC' }, { damage: 'SHORT' }],
  ERR_SCHEMA: [{ damage: 'SCHEMA' }],
  ERR_DECODE: [{ damage: 'TRUNCATED' }],
  ERR_ID: [
    { change: () => ({ paymentId: '' }) },
    { change: good => ({ merchantId: `${good.merchantId}\u0007` }) },
    { change: good => ({ paymentId: good.paymentId.padEnd(129, 'x') }) },
  ],
  ERR_KEY: [{ key: () => null }, { key: good => `${good.customerId}0` }],
  ERR_AMOUNT: [
    { change: good => ({ totalMinor: good.totalMinor! + 1 }) },
    { change: good => ({ totalMinor: good.totalMinor! - 1 }) },
  ],
  ERR_CURRENCY: [{ change: () => ({ currency: 'EUX' }) }, { change: () => ({ currency: 'usd' }) }],
  ERR_TIME: [
    { change: good => ({ eventTime: good.eventTime + tenYearsMs }) },
    { change: good => ({ eventTime: good.eventTime - dayMs - 1 }) },
    { change: good => ({ eventTime: good.eventTime + 1 }) },
  ],
  ERR_DEVICE: [
    { change: () => ({ channel: 'MOBILE', device: null }) },
    { change: good => ({ channel: 'MOBILE', device: good.device === null ? null : { ...good.device, os: 'ios' } }) },
  ],
  ERR_GEO: [
    { change: good => ({ geo: { ...(good.geo ?? nowhere), latitude: 91, longitude: 0 } }) },
    { change: good => ({ geo: { ...(good.geo ?? nowhere), latitude: 0, longitude: null } }) },
    { change: good => ({ geo: { ...(good.geo ?? nowhere), latitude: 0, longitude: Number.NaN } }) },
  ],
}

const nowhere = {
  latitude: 0,
  longitude: 0,
  country: null,
  region: null,
  city: null,
  postalCode: null,
  source: 'UNKNOWN',
} as const

/** The codes that this profile can plant. */
export const plantedCodes: readonly string[] = Object.keys(spoilings)

/** Makes a bad record of a good one, whose event time is its sending time. `turn` chooses the way. */
export function spoil(good: Emission, code: string, turn: number): Emission {
  const ways = spoilings[code]!
  const { change, damage, key } = ways[turn % ways.length]!
  return {
    ...good,
    payment: { ...good.payment, ...change?.(good.payment) },
    damage: damage ?? null,
    key: key === undefined ? good.key : key(good.payment),
    expect: rejected(code),
  }
}
