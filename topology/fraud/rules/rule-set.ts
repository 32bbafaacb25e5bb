import { currencyExponent } from '../../../schemas/payments/currency.ts'

/** An active rule sends an alert. An advisory one explains and adds points to an alert, but sends none alone. */
export type RuleMode = 'ACTIVE' | 'ADVISORY'

interface RuleBase {
  /** Names the rule in alerts. Unique in its set. */
  readonly id: string
  readonly mode: RuleMode
  /** What a hit adds to the score. */
  readonly points: number
}

/** More than `moreThan` payments of the customer in `[t - windowMs, t]`, this one included. */
export interface CountRule extends RuleBase {
  readonly feature: 'count'
  readonly windowMs: number
  readonly moreThan: number
}

/** Some prior payment in `[t - windowMs, t]` took place more than `moreThanMetres` away. */
export interface DistanceRule extends RuleBase {
  readonly feature: 'distance'
  readonly windowMs: number
  readonly moreThanMetres: number
}

/**
 * The latest prior place in `[t - windowMs, t]` is more than `moreThanMetres` away, and getting here took more than
 * this speed.
 */
export interface SpeedRule extends RuleBase {
  readonly feature: 'speed'
  readonly windowMs: number
  readonly moreThanMetres: number
  readonly moreThanKilometresPerHour: number
}

/**
 * With n and s the number and sum of the customer's prior baseline payments of this currency in `[t - windowMs, t]`:
 * n >= `atLeastPrior` and amount * n > `moreThan` * s.
 */
export interface RatioToMeanRule extends RuleBase {
  readonly feature: 'ratioToMean'
  readonly windowMs: number
  readonly atLeastPrior: number
  readonly moreThan: number
}

/** An amount above `moreThanUnits` units of its currency. */
export interface AmountRule extends RuleBase {
  readonly feature: 'amount'
  readonly moreThanUnits: number
}

/** A rule is data: it names a feature and gives its thresholds. It cannot run code. */
export type Rule = CountRule | DistanceRule | SpeedRule | RatioToMeanRule | AmountRule

export interface RuleSet {
  readonly name: string
  readonly version: number
  /** In the order in which hits are listed. */
  readonly rules: readonly Rule[]
  /** Points, of whatever rules, from which an alert is sent even if no active rule fired. */
  readonly alertFromScore: number
  /** The lowest score of each level; below all of them: LOW. */
  readonly levels: { readonly CRITICAL: number; readonly HIGH: number; readonly MEDIUM: number }
  /**
   * How many minor units make one `unit` of a money threshold, by currency. Not listed: one major unit. Currencies
   * without decimals must be listed: one yen or one rial is no limit for anything.
   */
  readonly units: Readonly<Record<string, number>>
}

const second = 1_000
const minute = 60 * second
const day = 24 * 60 * minute

/** No rule may look back further: the history of a customer is kept that long. */
export const longestWindowMs = 30 * day

export const defaultRuleSet: RuleSet = {
  name: 'default',
  version: 1,
  rules: [
    { id: 'velocity', feature: 'count', mode: 'ACTIVE', points: 700, windowMs: 2 * minute, moreThan: 5 },
    { id: 'geo-50km', feature: 'distance', mode: 'ACTIVE', points: 800, windowMs: 5 * minute, moreThanMetres: 50_000 },
    {
      id: 'geo-speed',
      feature: 'speed',
      mode: 'ACTIVE',
      points: 800,
      windowMs: 30 * day,
      moreThanMetres: 50_000,
      moreThanKilometresPerHour: 1_000,
    },
    {
      id: 'amount-10x',
      feature: 'ratioToMean',
      mode: 'ACTIVE',
      points: 700,
      windowMs: 30 * day,
      atLeastPrior: 3,
      moreThan: 10,
    },
    { id: 'high-amount', feature: 'amount', mode: 'ACTIVE', points: 400, moreThanUnits: 1_000 },
  ],
  alertFromScore: 800,
  levels: { CRITICAL: 800, HIGH: 600, MEDIUM: 400 },
  units: {
    USD: 100,
    EUR: 100,
    IRR: 20_000,
    BIF: 2_000,
    CLP: 1_000,
    DJF: 100,
    GNF: 10_000,
    ISK: 100,
    JPY: 100,
    KMF: 500,
    KRW: 1_000,
    PYG: 10_000,
    RWF: 1_000,
    UGX: 5_000,
    UYI: 10,
    VND: 20_000,
    VUV: 100,
    XAF: 500,
    XOF: 500,
    XPF: 100,
  },
}

/** The minor units that one `unit` of a money threshold has in this currency. */
export const unitOf = (ruleSet: RuleSet, currency: string): number =>
  ruleSet.units[currency] ?? 10 ** (currencyExponent(currency) ?? 0)
