import type { Geo } from '../../../schemas/payments/types.ts'
import type { Draws } from '../../random.ts'
import { WeightedChoice } from '../../weighted.ts'
import { categories, cities, cityRadiusDegrees, type Category, type City } from './places.ts'
import { streams } from './streams.ts'

export interface Merchant {
  readonly id: string
  readonly city: City
  readonly category: Category
  readonly geo: Geo
}

const usualMerchants = 30
const minuteMs = 60_000
const homeScatterDegrees = 0.01

/**
 * Customers and merchants, as columns: a customer is a number from 0. A customer lives near one merchant and shops at
 * the 30 that are nearest to it.
 */
export class Population {
  readonly merchants: readonly Merchant[]
  readonly size: number
  readonly #draws: Draws
  readonly #activity: WeightedChoice
  /** The merchant next door. */
  readonly #anchor: Int32Array
  readonly #meanMinor: Float64Array
  /** Merchants of each city, and for each merchant the nearest ones, found when first asked for. */
  readonly #byCity: ReadonlyMap<City, readonly number[]>
  readonly #near: (Int32Array | undefined)[] = []

  constructor(draws: Draws, options: { readonly customers: number; readonly merchants: number }) {
    this.#draws = draws
    this.size = options.customers
    this.merchants = Array.from({ length: options.merchants }, (_, i) => makeMerchant(draws, i))
    const all = this.merchants.map((_, i) => i)
    this.#byCity = Map.groupBy(all, i => this.merchants[i]!.city)
    this.#anchor = new Int32Array(this.size)
    this.#meanMinor = new Float64Array(this.size)
    const activity = new Float64Array(this.size)
    const living = [...this.#byCity.keys()]
    const cityChoice = new WeightedChoice(living.map(city => city.weight))
    for (let k = 0; k < this.size; k++) {
      const there = this.#byCity.get(living[cityChoice.pick(draws.u(streams.customer, k, 0))]!)!
      this.#anchor[k] = there[draws.below(there.length, streams.customer, k, 1)]!
      // Median 25 units; one in a thousand has 160.
      this.#meanMinor[k] = Math.exp(Math.log(2500) + 0.6 * draws.z(streams.customer, k, 2))
      activity[k] = Math.exp(0.6 * draws.z(streams.customer, k, 3))
    }
    this.#activity = new WeightedChoice(activity)
  }

  /** A customer in proportion to how often each one pays. */
  pick(u: number): number {
    return this.#activity.pick(u)
  }

  /** What the customer usually pays, minor units. */
  meanMinor(customer: number): number {
    return this.#meanMinor[customer]!
  }

  /** One of the usual merchants that is open; the picked one where all are closed. */
  usual(customer: number, u: number, timeMs: number): Merchant {
    const near = this.#nearest(this.#anchor[customer]!)
    const picked = Math.floor(u * near.length)
    for (let i = 0; i < near.length; i++) {
      const merchant = this.merchants[near[(picked + i) % near.length]!]!
      if (isOpen(merchant, timeMs)) return merchant
    }
    return this.merchants[near[picked]!]!
  }

  city(customer: number): City {
    return this.merchants[this.#anchor[customer]!]!.city
  }

  /** Where the customer's own device is: at home. */
  home(customer: number): Geo {
    const { city, geo } = this.merchants[this.#anchor[customer]!]!
    const scatter = (k: number): number => (2 * this.#draws.u(streams.customer, customer, k) - 1) * homeScatterDegrees
    return place(geo.latitude! + scatter(4), geo.longitude! + scatter(5), city, 'DEVICE')
  }

  #nearest(anchor: number): Int32Array {
    return (this.#near[anchor] ??= this.#findNearest(anchor))
  }

  #findNearest(anchor: number): Int32Array {
    const { city, geo } = this.merchants[anchor]!
    const distances = this.#byCity.get(city)!.map(i => {
      const other = this.merchants[i]!.geo
      const north = other.latitude! - geo.latitude!
      const east = (other.longitude! - geo.longitude!) * city.squeeze
      return { i, squared: north * north + east * east }
    })
    distances.sort((a, b) => a.squared - b.squared || a.i - b.i)
    return Int32Array.from(distances.slice(0, usualMerchants), ({ i }) => i)
  }
}

function makeMerchant(draws: Draws, i: number): Merchant {
  const u = (k: number): number => draws.u(streams.merchant, i, k)
  const city = cities[cityChoice.pick(u(0))]!
  const offset = (k: number): number => (2 * u(k) - 1) * cityRadiusDegrees
  const geo = place(city.latitude + offset(2), city.longitude + offset(3) / city.squeeze, city, 'MERCHANT')
  return { id: `m${i + 1}`, city, category: categories[categoryChoice.pick(u(1))]!, geo }
}

const cityChoice = new WeightedChoice(cities.map(city => city.weight))
const categoryChoice = new WeightedChoice(categories.map(category => category.weight))

function place(latitude: number, longitude: number, city: City, source: 'MERCHANT' | 'DEVICE'): Geo {
  // Five decimals are a metre; more would only look exact.
  const rounded = (degrees: number): number => Math.round(degrees * 100_000) / 100_000
  return {
    latitude: rounded(latitude),
    longitude: rounded(longitude),
    country: city.country,
    region: null,
    city: city.name,
    postalCode: null,
    source,
  }
}

function isOpen({ category, city }: Merchant, timeMs: number): boolean {
  const minute = (Math.floor(timeMs / minuteMs) + city.utcOffsetHours * 60) % 1440
  return minute >= category.opens * 60 && minute < category.closes * 60
}
