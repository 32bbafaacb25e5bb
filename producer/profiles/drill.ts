import type { Device, Geo, Payment } from '../../schemas/payments/types.ts'
import { duplicate, late, rejected, valid } from '../emission.ts'
import type { Damage, Emission, EmissionLabel, PaymentSource } from '../emission.ts'

// The drill: a run without chance whose counts follow from its construction (see drill.expected.ts). Customers c1 to
// c1000, each with one amount A and one device, pay in the background; groups of them act out one scenario each.

export const drillStart = Date.UTC(2025, 2, 3)

const secondMs = 1000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
const episodesFrom = drillStart + 12 * hourMs + 30 * minuteMs
const extrasFrom = drillStart + 13 * hourMs + 30 * minuteMs
/** The place of the mule's merchant, number 77, which is off the grid of the others. */
const mule = 77
const transportDelayMs = secondMs

/** What customer `k` pays when nothing else is stated, minor units. */
export function drillAmount(k: number): number {
  if (k >= 208 && k <= 222) return 10_000
  if (k >= 223 && k <= 237) return 20_000
  return 2_000 + 10 * (k % 100)
}

function place(merchant: number): Geo {
  const latitude = merchant === mule ? 48.9 : 48.8566 + 0.02 * ((merchant - 1) % 10)
  const longitude = merchant === mule ? 2.4 : 2.3522 + 0.02 * Math.floor((merchant - 1) / 10)
  return { latitude, longitude, country: 'FR', region: null, city: 'Paris', postalCode: null, source: 'MERCHANT' }
}

const device = (id: string): Device => ({
  id,
  os: 'Android',
  osVersion: null,
  model: null,
  appVersion: null,
  browser: null,
  userAgent: null,
  ipAddress: null,
  type: 'MOBILE',
  rooted: false,
})

interface Options {
  readonly amount?: number
  readonly merchant?: number
  readonly north?: number
  readonly overrides?: Partial<Payment>
}

const commissionTypes = ['FLAT', 'PROGRESSIVE', 'TIERED'] as const

/** The amounts that belong together: 9 % VAT and 2 % commission, rounded down, and the total that they make. */
function money(amountMinor: number): Pick<Payment, 'amountMinor' | 'vatMinor' | 'commissionMinor' | 'totalMinor'> {
  const vatMinor = Math.floor((amountMinor * 9) / 100)
  const commissionMinor = Math.floor((amountMinor * 2) / 100)
  return { amountMinor, vatMinor, commissionMinor, totalMinor: amountMinor + vatMinor + commissionMinor }
}

function payment(k: number, name: string, eventTime: number, options: Options = {}): Payment {
  const merchant = options.merchant ?? 1 + (k % 50)
  const geo = place(merchant)
  return {
    paymentId: `drill-${k}-${name}`,
    eventTime,
    customerId: `c${k}`,
    merchantId: `m${merchant}`,
    ...money(options.amount ?? drillAmount(k)),
    currency: 'EUR',
    commissionType: commissionTypes[k % 3]!,
    type: 'PURCHASE',
    status: 'APPROVED',
    failureReason: null,
    channel: 'POS',
    method: 'CREDIT_CARD',
    cardScheme: 'VISA',
    category: 'retail',
    product: null,
    geo: options.north === undefined ? geo : { ...geo, latitude: geo.latitude! + options.north },
    device: device(`d${k}`),
    customerType: null,
    customerSegment: null,
    accountBalanceMinor: null,
    processingMillis: null,
    upstreamRisk: null,
    origin: 'drill',
    attributes: {},
    ...options.overrides,
  }
}

class Script {
  readonly emissions: Emission[] = []

  send(payment: Payment, timestamp: number, more: Partial<Emission> = {}): void {
    this.emissions.push({
      payment,
      damage: null,
      key: payment.customerId,
      timestamp,
      partitionHint: 0,
      label: null,
      expect: valid,
      ...more,
    })
  }

  /** Sends a payment at the moment at which it takes place. */
  now(payment: Payment, more: Partial<Emission> = {}): void {
    this.send(payment, payment.eventTime, more)
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

function background(script: Script): void {
  for (const k of range(1, 1000)) {
    for (const hour of range(6, k <= 500 ? 11 : 21)) {
      const eventTime = drillStart + hour * hourMs + 3 * k * secondMs
      const paid = payment(k, `h${hour}`, eventTime, { merchant: 1 + ((k + hour) % 50) })
      if (k >= 801 && k <= 900 && hour === 13) script.send(paid, eventTime + 20 * secondMs)
      else if (k >= 991 && hour === 10) script.send(paid, eventTime + 2 * hourMs, { expect: late })
      else script.now(paid)
      if (hour === 9 && k >= 401 && k <= 430) again(script, paid, k)
    }
  }
}

/** Sends a payment a second time: as it was, or (426 to 430) under the same id with one minor unit more. */
function again(script: Script, paid: Payment, k: number): void {
  const timestamp = paid.eventTime + transportDelayMs
  if (k <= 425) script.send(paid, timestamp, { expect: duplicate })
  else {
    const changed = { ...paid, ...money(paid.amountMinor + 1) }
    script.send(changed, timestamp, { expect: rejected('ERR_DUPLICATE') })
  }
}

/** One payment of an episode: when it takes place after the episode's start, and what differs from a usual payment. */
type Step = Options & { readonly afterMs: number }

const steps = (count: number, gapMs: number, options: Options = {}): Step[] =>
  range(0, count - 1).map(i => ({ afterMs: i * gapMs, ...options }))

const far = (afterMs: number, north: number): Step[] => [{ afterMs: 0 }, { afterMs, north }]

const one = (options: Options): Step[] => [{ afterMs: 0, ...options }]

/** The j-th customer of a group (from 0) starts j minutes after 12:30. */
function group(script: Script, from: number, to: number, scenario: string, shape: (k: number) => Step[]): void {
  for (const k of range(from, to)) {
    const start = episodesFrom + (k - from) * minuteMs
    // Only the frauds are labelled; the rest of the groups shows rules on single payments and lists.
    const label: EmissionLabel | null =
      k <= 175 ? { fraud: true, scenario, episodeId: `${scenario}-${k}`, source: 'GENERATOR' } : null
    for (const [i, step] of shape(k).entries()) {
      script.now(payment(k, `e${i}`, start + step.afterMs, step), { label })
    }
  }
}

function episodes(script: Script): void {
  const velocity = (): Step[] => steps(8, 10 * secondMs)
  group(script, 1, 20, 'VELOCITY', velocity)
  group(script, 21, 40, 'FAST', () => steps(4, 4 * secondMs))
  // 0.54 degrees are 60.05 km. The window is closed at 300,000 ms, so that the next millisecond is outside.
  group(script, 41, 70, 'GEO_PAIR', k => far(k <= 60 ? 240_000 : k <= 65 ? 300_000 : 300_001, 0.54))
  // 13.5 degrees are 1,501.1 km, in one hour.
  group(script, 71, 90, 'IMPOSSIBLE_TRAVEL', () => far(hourMs, -13.5))
  group(script, 91, 115, 'AMOUNT', k => one({ amount: (k <= 110 ? 12 : 10) * drillAmount(k) }))
  const declined = { status: 'DECLINED', failureReason: 'cancelled' } as const
  group(script, 116, 135, 'CARD_TESTING', () => steps(6, minuteMs, { amount: 150, overrides: declined }))
  group(script, 136, 155, 'TAKEOVER', k =>
    one({ amount: 6 * drillAmount(k), overrides: { device: device(`d${k}-new`) } }),
  )
  group(script, 156, 175, 'COLLUSION', k => one({ amount: 4 * drillAmount(k), merchant: mule }))
  // c176 is for a block list, c177 (a velocity episode) for an allow list.
  group(script, 176, 177, 'LISTED', k => (k === 176 ? one({}) : velocity()))
  group(script, 178, 187, 'CRYPTO', () => one({ overrides: { method: 'CRYPTO' } }))
  group(script, 188, 197, 'GIFT', () => one({ overrides: { category: 'gift_cards' } }))
  group(script, 198, 207, 'METHOD', () => one({ overrides: { type: 'TRANSFER', method: 'DIGITAL_WALLET' } }))
  group(script, 208, 222, 'VIP', k =>
    one({ amount: k <= 217 ? 50_001 : 50_000, overrides: { customerSegment: 'vip' } }),
  )
  group(script, 223, 237, 'HIGH_AMOUNT', k => one({ amount: k <= 232 ? 100_001 : 100_000 }))
  group(script, 238, 252, 'UPSTREAM', k => one({ overrides: { upstreamRisk: k <= 247 ? 0.81 : 0.8 } }))
  group(script, 253, 262, 'ROOTED', k => one({ overrides: { device: { ...device(`d${k}`), rooted: true } } }))
}

/** A change that makes a good payment a bad one. */
interface Fault {
  readonly codes: readonly string[]
  readonly change?: (good: Payment) => Partial<Payment>
  readonly damage?: Damage
}

const faults: readonly (readonly [count: number, fault: Fault])[] = [
  [10, { codes: ['ERR_AMOUNT'], change: good => ({ totalMinor: good.totalMinor! + 1 }) }],
  [10, { codes: ['ERR_TIME'], change: good => ({ eventTime: good.eventTime + 1 }) }],
  [10, { codes: ['ERR_TIME'], change: good => ({ eventTime: good.eventTime - dayMs - 1 }) }],
  [10, { codes: ['ERR_DEVICE'], change: good => ({ channel: 'MOBILE', device: { ...good.device!, os: null } }) }],
  [10, { codes: ['ERR_GEO'], change: good => ({ geo: { ...good.geo!, latitude: 91 } }) }],
  [10, { codes: ['ERR_CURRENCY'], change: () => ({ currency: 'EUX' }) }],
  [10, { codes: ['ERR_ID'], change: () => ({ paymentId: '' }) }],
  [
    5,
    {
      codes: ['ERR_AMOUNT', 'ERR_TIME'],
      change: good => ({ totalMinor: good.totalMinor! + 1, eventTime: good.eventTime + 1 }),
    },
  ],
  [10, { codes: ['ERR_DECODE'], damage: 'TRUNCATED' }],
]

/** One bad record of each of the customers 301 to 385, a minute apart from 13:30. */
function extras(script: Script): void {
  let k = 301
  for (const [count, { codes, change, damage }] of faults) {
    for (let i = 0; i < count; i++, k++) {
      const timestamp = extrasFrom + (k - 301) * minuteMs
      const good = payment(k, 'x', timestamp)
      script.send({ ...good, ...change?.(good) }, timestamp, { damage: damage ?? null, expect: rejected(...codes) })
    }
  }
}

/** All 11,734 records of the drill in sending order. */
export function drillEmissions(): Emission[] {
  const script = new Script()
  background(script)
  episodes(script)
  extras(script)
  return script.emissions.sort((a, b) => a.timestamp - b.timestamp)
}

/** The drill as a source. It has no seed and no options. */
export function drill(): PaymentSource {
  const emissions = drillEmissions()
  let at = 0
  return { next: () => emissions[at++] ?? null }
}
