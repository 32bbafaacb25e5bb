import type {
  Channel,
  CommissionType,
  Device,
  Geo,
  Payment,
  PaymentMethod,
  PaymentType,
} from '../../../schemas/payments/types.ts'
import type { Draws } from '../../random.ts'
import { WeightedChoice } from '../../weighted.ts'
import type { Merchant, Population } from './population.ts'
import { streams } from './streams.ts'

const onlineShare = 0.05
const declinedShare = 0.05
const amountDeviation = 0.45

const failureReasons = ['insufficient_funds', 'cancelled', 'system_error', 'fraud_prevented'] as const
const commissionTypes: readonly CommissionType[] = ['FLAT', 'PROGRESSIVE', 'TIERED']
const cardSchemes = ['VISA', 'MASTERCARD', 'AMEX', 'RUPAY'] as const
const segments = ['regular', 'loyal', 'occasional', 'premium', 'new', 'vip', 'risky'] as const
const segmentChoice = new WeightedChoice([45, 20, 15, 10, 5, 3, 2])

/** How a payment is made: the ways and their weights. */
interface Way {
  readonly channel: Channel
  readonly method: PaymentMethod
  readonly type: PaymentType
  readonly scheme: boolean
}

const way = (channel: Channel, method: PaymentMethod, type: PaymentType = 'PURCHASE'): Way => ({
  channel,
  method,
  type,
  scheme: method === 'CREDIT_CARD' || method === 'DEBIT_CARD' || method === 'PREPAID_CARD',
})

const shopWays: readonly (readonly [weight: number, way: Way])[] = [
  [30, way('POS', 'DEBIT_CARD')],
  [22, way('POS', 'CREDIT_CARD')],
  [14, way('NFC', 'DEBIT_CARD')],
  [8, way('NFC', 'APPLE_PAY')],
  [6, way('NFC', 'GOOGLE_PAY')],
  [9, way('MOBILE', 'DIGITAL_WALLET')],
  [3, way('POS', 'PREPAID_CARD')],
  [1, way('POS', 'GIFT_CARD')],
  [3, way('ATM', 'DEBIT_CARD', 'WITHDRAWAL')],
  [2, way('MOBILE', 'BANK_TRANSFER', 'PAYMENT')],
  [2, way('POS', 'CREDIT_CARD', 'REFUND')],
]

const onlineWays: readonly (readonly [weight: number, way: Way])[] = [
  [40, way('ONLINE', 'CREDIT_CARD')],
  [25, way('ONLINE', 'PAYPAL')],
  [15, way('ONLINE', 'DEBIT_CARD')],
  [10, way('ONLINE', 'BANK_TRANSFER', 'TRANSFER')],
  [5, way('ONLINE', 'DIGITAL_WALLET')],
  [3, way('ONLINE', 'CRYPTO')],
  [2, way('ONLINE', 'WIRE_TRANSFER', 'TRANSFER')],
]

const shopChoice = new WeightedChoice(shopWays.map(([weight]) => weight))
const onlineChoice = new WeightedChoice(onlineWays.map(([weight]) => weight))

/** Takes part of a draw for a yes-or-no question and hands on the rest as a fresh draw. */
const rest = (u: number, share: number): number => (u < share ? u / share : (u - share) / (1 - share))

export interface Purchase {
  readonly paymentId: string
  readonly customer: number
  readonly merchant: Merchant
  readonly eventTime: number
  readonly amountMinor: number
  readonly online: boolean
  readonly declined: boolean
  /** Chooses way, device and commission structure; where the address lies is all the same. */
  readonly stream: number
  readonly index: number
  readonly k: number
}

/** Draws payments as the customers of a population make them. */
export class PaymentMaker {
  /** Begins every id. The seed in base 36, since a long run of digits could pass for a card number. */
  readonly run: string
  readonly #draws: Draws
  readonly #population: Population

  constructor(draws: Draws, population: Population) {
    this.run = `p${draws.seed.toString(36)}`
    this.#draws = draws
    this.#population = population
  }

  /** Background payment `index` of a customer, who is chosen by the caller. */
  background(index: number, customer: number, eventTime: number): Payment {
    const where = this.#draws.u(streams.payment, index, 1)
    const online = where < onlineShare
    const { merchants } = this.#population
    const merchant = online
      ? merchants[Math.floor(rest(where, onlineShare) * merchants.length)]!
      : this.#population.usual(customer, rest(where, onlineShare), eventTime)
    return this.make({
      paymentId: `${this.run}-${index}`,
      customer,
      merchant,
      eventTime,
      amountMinor: this.amount(customer, merchant, streams.payment, index, 2),
      online,
      declined: this.#draws.u(streams.payment, index, 3) < declinedShare,
      stream: streams.payment,
      index,
      k: 4,
    })
  }

  /** A usual amount, minor units: log-normal round the customer's mean for the category. At least one unit. */
  amount(customer: number, merchant: Merchant, stream: number, index: number, k: number): number {
    const mean = this.#population.meanMinor(customer) * merchant.category.factor
    const spread = amountDeviation * this.#draws.z(stream, index, k) - (amountDeviation * amountDeviation) / 2
    return Math.max(100, Math.round(mean * Math.exp(spread)))
  }

  make(purchase: Purchase): Payment {
    const { customer, merchant, amountMinor, online, declined, stream, index, k } = purchase
    const u = this.#draws.u(stream, index, k)
    const v = this.#draws.u(stream, index, k + 1)
    const [, { channel, method, type, scheme }] = online
      ? onlineWays[onlineChoice.pick(u)]!
      : shopWays[shopChoice.pick(u)]!
    const vatMinor = Math.floor((amountMinor * 9) / 100)
    const commissionMinor = Math.floor((amountMinor * 2) / 100)
    return {
      paymentId: purchase.paymentId,
      eventTime: purchase.eventTime,
      customerId: `c${customer + 1}`,
      merchantId: merchant.id,
      amountMinor,
      currency: this.#population.city(customer).currency,
      vatMinor,
      commissionMinor,
      totalMinor: amountMinor + vatMinor + commissionMinor,
      commissionType: commissionTypes[Math.floor(v * 3)]!,
      type,
      status: declined ? 'DECLINED' : 'APPROVED',
      failureReason: declined ? failureReasons[Math.floor(v * failureReasons.length)]! : null,
      channel,
      method,
      cardScheme: scheme ? cardSchemes[customer % 4]! : null,
      category: merchant.category.name,
      product: null,
      geo: online ? this.#onlineGeo(customer, v) : merchant.geo,
      device: channel === 'POS' || channel === 'ATM' ? null : this.#device(customer, channel),
      customerType: customer % 10 === 9 ? 'business' : 'individual',
      customerSegment: segments[segmentChoice.pick(((customer * 61) % 1000) / 1000)]!,
      accountBalanceMinor: null,
      processingMillis: 20 + Math.floor(rest(v, 0.5) * 180),
      upstreamRisk: null,
      origin: 'millrace',
      attributes: {},
    }
  }

  /** Half of the sources on the web know where the device is: at home. */
  #onlineGeo(customer: number, v: number): Geo | null {
    return v < 0.5 ? null : this.#population.home(customer)
  }

  /** Everyone has a phone; two of three have a computer too and use it on the web. */
  #device(customer: number, channel: Channel): Device {
    const computer = channel === 'ONLINE' && customer % 3 !== 0
    const apple = customer % 5 < 2
    return {
      id: computer ? `d${customer + 1}-2` : `d${customer + 1}-1`,
      os: computer ? (apple ? 'macOS' : 'Windows') : apple ? 'iOS' : 'Android',
      osVersion: computer ? null : apple ? '18.3' : '15',
      model: null,
      appVersion: channel === 'MOBILE' ? '4.2.0' : null,
      browser: channel === 'ONLINE' ? (apple ? 'Safari' : 'Firefox') : null,
      userAgent: null,
      ipAddress:
        channel === 'ONLINE' ? `10.${(customer >> 16) & 255}.${(customer >> 8) & 255}.${customer & 255}` : null,
      type: computer ? 'DESKTOP' : 'MOBILE',
      rooted: computer ? null : customer % 97 === 0,
    }
  }
}
