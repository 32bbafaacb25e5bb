import type { Geo, Payment } from '../../schemas/payments/types.ts'
import { duplicate, late, rejected, valid } from '../emission.ts'
import type { Emission, EmissionLabel, PaymentSource } from '../emission.ts'
import { TimeQueue } from '../queue.ts'
import { Draws } from '../random.ts'
import { Arrivals } from './millrace/arrivals.ts'
import { episodeSteps, quietAfterMs, scenarios, type Scenario, type Step } from './millrace/episodes.ts'
import { plantedCodes, spoil } from './millrace/faults.ts'
import { PaymentMaker } from './millrace/payments.ts'
import { blockSize, Plan, type Quota } from './millrace/plan.ts'
import { Population } from './millrace/population.ts'
import { streams } from './millrace/streams.ts'

/** Monday 2025-03-03, 06:00 UTC: the shops open. */
export const millraceStart = Date.UTC(2025, 2, 3, 6)

/** How often something out of the ordinary happens, for each background payment (0 to 1). */
export interface MillraceShares {
  /** Sent up to 20 s after it took place. */
  readonly outOfOrder: number
  /** Sent two hours after it took place. */
  readonly late: number
  /** Sent again, byte for byte. */
  readonly duplicate: number
  /** Sent again under the same id with another amount. */
  readonly conflict: number
  /** Each code of validation that can be planted: this often. */
  readonly invalid: number
  /** Each fraud scenario: episodes, not payments. */
  readonly fraud: number
}

export interface MillraceOptions {
  readonly seed?: number
  /** Virtual time of the first payment, milliseconds since 1970. Several hours after the epoch at least. */
  readonly start?: number
  /** Multiplies the virtual rate, which is 20 payments/s on average. Not the pace of sending. */
  readonly intensity?: number
  readonly customers?: number
  readonly merchants?: number
  readonly shares?: Partial<MillraceShares>
}

export const defaultShares: MillraceShares = {
  outOfOrder: 0.05,
  late: 0.001,
  duplicate: 0.002,
  conflict: 0.0002,
  invalid: 0.0003,
  fraud: 0.0004,
}

const latenessMs = 7_200_000
const outOfOrderMs = 20_000
const resendMs = 60_000
const metresPerDegree = 111_195.08
/** "High" for the two currencies of the profile: 1,000 units. */
const highAmountMinor = 100_000
/** Records before which no payment is late: every partition needs a stream time that it can be behind. */
const warmUp = 500
/** The first episodes start early in the run, so that a run of 5,000 records holds all of their payments. */
const earlyEpisodes = 400

/** A payment to be sent at a later time. */
type Pending =
  | { readonly kind: 'again'; readonly emission: Emission }
  | { readonly kind: 'step'; readonly episode: Episode; readonly step: Step; readonly at: number }

interface Episode {
  readonly id: number
  readonly scenario: Scenario
  readonly victim: number
}

/**
 * The default profile: customers of twelve cities pay near home all day, and a few of them are robbed. Frauds are
 * labelled, and disorder and bad records are planted by quota. Sending order is virtual sending time; the same
 * options give the same records.
 */
export class Millrace implements PaymentSource {
  readonly #draws: Draws
  readonly #population: Population
  readonly #maker: PaymentMaker
  readonly #arrivals: Arrivals
  readonly #plan: Plan
  readonly #quotas: readonly Quota[]
  readonly #shares: MillraceShares
  readonly #pending = new TimeQueue<Pending>()
  /** Customers who do not pay until a time, because someone else has their card. */
  readonly #quiet = new Map<number, number>()
  /** Of each customer: the payments that count into the mean, as number and sum (minor units). */
  readonly #baseline: { readonly count: Uint32Array; readonly sumMinor: Float64Array }
  readonly #turns: number[]
  #index = 0
  #nextArrival: number
  #episodes = 0

  constructor(options: MillraceOptions = {}) {
    this.#draws = new Draws(options.seed ?? 1)
    const customers = atLeast(options.customers ?? 20_000, 100, 'customers')
    const merchants = atLeast(options.merchants ?? 2000, 1, 'merchants')
    this.#population = new Population(this.#draws, { customers, merchants })
    this.#maker = new PaymentMaker(this.#draws, this.#population)
    this.#arrivals = new Arrivals(this.#draws, options.start ?? millraceStart, options.intensity ?? 1)
    this.#shares = { ...defaultShares, ...options.shares }
    this.#quotas = quotasOf(this.#shares)
    this.#plan = new Plan(this.#draws, this.#quotas)
    this.#turns = this.#quotas.map(() => 0)
    this.#baseline = { count: new Uint32Array(customers), sumMinor: new Float64Array(customers) }
    this.#nextArrival = this.#arrivals.next()
  }

  /** Never null: the profile has no end. */
  next(): Emission {
    if (this.#pending.nextTime <= this.#nextArrival) {
      const timestamp = this.#pending.nextTime
      const pending = this.#pending.take()!
      return pending.kind === 'again' ? { ...pending.emission, timestamp } : this.#episodeStep(pending, timestamp)
    }
    const timestamp = this.#nextArrival
    this.#nextArrival = this.#arrivals.next()
    return this.#background(this.#index++, timestamp)
  }

  #background(index: number, timestamp: number): Emission {
    const quota = this.#plan.at(index)
    const turn = quota < 0 ? 0 : this.#turns[quota]!++
    const special = quota < 0 ? '' : this.#quotas[quota]!.name
    const customer = this.#payer(this.#draws.u(streams.payment, index, 0), timestamp)
    const delay = special === 'late' ? latenessMs : special === '' ? this.#delay(index) : 0
    const emission: Emission = {
      payment: this.#maker.background(index, customer, timestamp - delay),
      damage: null,
      key: `c${customer + 1}`,
      timestamp,
      partitionHint: index,
      label: null,
      expect: special === 'late' ? late : valid,
    }
    if (special.startsWith('ERR_')) return spoil(emission, special, turn)
    this.#count(customer, emission.payment)
    if (special === 'duplicate' || special === 'conflict') this.#sendAgain(emission, special, index)
    else if (special !== '' && special !== 'late') this.#startEpisode(special as Scenario, turn, timestamp)
    return emission
  }

  #delay(index: number): number {
    const u = this.#draws.u(streams.payment, index, 6)
    const { outOfOrder } = this.#shares
    return u < outOfOrder ? Math.floor((u / outOfOrder) * (outOfOrderMs + 1)) : 0
  }

  #sendAgain(emission: Emission, special: 'duplicate' | 'conflict', index: number): void {
    const time = emission.timestamp + 1 + this.#draws.below(resendMs, streams.fault, index, 0)
    const { payment } = emission
    const again: Emission =
      special === 'duplicate'
        ? { ...emission, expect: duplicate }
        : {
            ...emission,
            payment: { ...payment, amountMinor: payment.amountMinor + 1, totalMinor: payment.totalMinor! + 1 },
            expect: rejected('ERR_DUPLICATE'),
          }
    this.#pending.add(time, { kind: 'again', emission: again })
  }

  #startEpisode(scenario: Scenario, ordinal: number, timestamp: number): void {
    const id = this.#episodes++
    const victim = this.#payer(this.#draws.u(streams.episode, id, 0), timestamp)
    const steps = episodeSteps(scenario, ordinal, this.#baseline.count[victim]!)
    const episode: Episode = { id, scenario, victim }
    // A payment sent late by the disorder above must not fall into the episode either.
    this.#quiet.set(victim, timestamp + steps.at(-1)!.afterMs + quietAfterMs(steps) + outOfOrderMs)
    for (const [at, step] of steps.entries()) {
      this.#pending.add(timestamp + 1 + step.afterMs, { kind: 'step', episode, step, at })
    }
  }

  #episodeStep({ episode, step, at }: Extract<Pending, { kind: 'step' }>, timestamp: number): Emission {
    const { id, scenario, victim } = episode
    const merchant = this.#population.usual(victim, this.#draws.u(streams.episode, id, 1), timestamp)
    const purchase = this.#maker.make({
      paymentId: `${this.#maker.run}-e${id}-${at}`,
      customer: victim,
      merchant,
      eventTime: timestamp,
      amountMinor: this.#stepAmount(episode, step, at, merchant),
      online: false,
      declined: false,
      stream: streams.episode,
      index: id,
      k: 100 + 2 * at,
    })
    const payment = step.metres === 0 ? purchase : { ...purchase, geo: moved(purchase.geo!, step.metres) }
    this.#count(victim, payment)
    const label: EmissionLabel | null = step.fraud
      ? { fraud: true, scenario, episodeId: `${this.#maker.run}-e${id}`, source: 'GENERATOR' }
      : null
    return { payment, damage: null, key: payment.customerId, timestamp, partitionHint: id, label, expect: valid }
  }

  #stepAmount(
    { id, victim }: Episode,
    { amount }: Step,
    at: number,
    merchant: Parameters<PaymentMaker['amount']>[1],
  ): number {
    if (amount === 'usual') return this.#maker.amount(victim, merchant, streams.episode, id, 10 + at)
    if (amount === 'above the limit')
      return highAmountMinor + 1 + this.#draws.below(highAmountMinor, streams.episode, id, 2)
    return Math.ceil((12 * this.#baseline.sumMinor[victim]!) / this.#baseline.count[victim]!)
  }

  /** The customer that a draw means, or the next one who is not quiet. */
  #payer(u: number, timestamp: number): number {
    const drawn = this.#population.pick(u)
    for (let i = 0; i < this.#population.size; i++) {
      const customer = (drawn + i) % this.#population.size
      const until = this.#quiet.get(customer)
      if (until === undefined) return customer
      if (until <= timestamp) {
        this.#quiet.delete(customer)
        return customer
      }
    }
    // Everyone is quiet: more fraud than so few customers can bear.
    return drawn
  }

  /** Keeps the mean that the rule on unusual amounts sees: declined payments do not count. */
  #count(customer: number, payment: Payment): void {
    if (payment.status === 'DECLINED') return
    this.#baseline.count[customer]!++
    this.#baseline.sumMinor[customer]! += payment.amountMinor
  }
}

function quotasOf(shares: MillraceShares): readonly Quota[] {
  const anywhere = [0, blockSize] as const
  return [
    ...scenarios.map((name): Quota => ({ name, share: shares.fraud, firstBlock: [0, earlyEpisodes] })),
    { name: 'late', share: shares.late, firstBlock: [warmUp, blockSize] },
    { name: 'duplicate', share: shares.duplicate, firstBlock: anywhere },
    { name: 'conflict', share: shares.conflict, firstBlock: anywhere },
    ...plantedCodes.map((name): Quota => ({ name, share: shares.invalid, firstBlock: anywhere })),
  ]
}

/** The same place that many metres to the north; to the south where that would come near the pole. */
function moved(geo: Geo, metres: number): Geo {
  const degrees = metres / metresPerDegree
  const north = geo.latitude! + degrees
  return { ...geo, latitude: north <= 80 ? north : geo.latitude! - degrees, city: null, country: null }
}

function atLeast(value: number, least: number, name: string): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new RangeError(`The number of ${name} is ${value}; it must be a whole number of at least ${least}.`)
}
