// Frauds as they are acted out: what a criminal does with one customer's card.

export type Scenario = 'VELOCITY' | 'GEO_PAIR' | 'IMPOSSIBLE_TRAVEL' | 'AMOUNT' | 'HIGH_AMOUNT'

/** The rule that each scenario must fire, with its last payment at the latest. */
export const scenarioRules: Readonly<Record<Scenario, string>> = {
  VELOCITY: 'velocity',
  GEO_PAIR: 'geo-50km',
  IMPOSSIBLE_TRAVEL: 'geo-speed',
  AMOUNT: 'amount-10x',
  HIGH_AMOUNT: 'high-amount',
}

export const scenarios = Object.keys(scenarioRules) as readonly Scenario[]

/** Prior payments that the rule on unusual amounts needs. */
const amountHistory = 3

/** One payment of an episode. */
export interface Step {
  readonly afterMs: number
  /** Metres north of a usual shop; to the south when that is too near the pole. */
  readonly metres: number
  readonly amount: 'usual' | 'twelve times the mean' | 'above the limit'
  /** Payments that the customer makes before the fraud are genuine, and not labelled. */
  readonly fraud: boolean
}

const usual = (afterMs: number, metres = 0): Step => ({ afterMs, metres, amount: 'usual', fraud: true })

/** Minutes between the two payments of IMPOSSIBLE_TRAVEL. The first episode is short, to fit into a short run. */
const travelMinutes = [6, 60, 20] as const
/** 1,501 km in an hour: just above what a passenger aircraft does. */
const travelMetresPerMinute = 1_501_000 / 60

/**
 * The payments of an episode, the first at once.
 *
 * @param ordinal how many episodes of the scenario came before
 * @param baseline how many payments count into the customer's mean already
 */
export function episodeSteps(scenario: Scenario, ordinal: number, baseline: number): readonly Step[] {
  switch (scenario) {
    case 'VELOCITY':
      return Array.from({ length: 8 }, (_, i) => usual(i * 10_000))
    case 'GEO_PAIR':
      return [usual(0), usual(240_000, 60_000)]
    case 'IMPOSSIBLE_TRAVEL': {
      const minutes = travelMinutes[ordinal % travelMinutes.length]!
      return [usual(0), usual(minutes * 60_000, minutes * travelMetresPerMinute)]
    }
    case 'AMOUNT': {
      const history = Math.max(0, amountHistory - baseline)
      const before = Array.from({ length: history }, (_, i): Step => ({ ...usual(i * 45_000), fraud: false }))
      return [...before, { afterMs: history * 45_000, metres: 0, amount: 'twelve times the mean', fraud: true }]
    }
    case 'HIGH_AMOUNT':
      return [{ afterMs: 0, metres: 0, amount: 'above the limit', fraud: true }]
  }
}

/**
 * How long after its last payment the customer makes no other, so that the way home is plausible: as slow as half of
 * the impossible speed, and longer than the five minutes in which a far place counts.
 */
export function quietAfterMs(steps: readonly Step[]): number {
  return Math.max(600_000, 2 * steps.at(-1)!.afterMs)
}
