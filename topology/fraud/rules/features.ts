import { amount } from './amount.ts'
import { count } from './count.ts'
import { distance } from './distance.ts'
import type { Feature } from './feature.ts'
import { ratioToMean } from './ratio-to-mean.ts'
import type { Rule } from './rule-set.ts'
import { speed } from './speed.ts'

/** Every feature that a rule may name. */
export const features: { readonly [F in Rule['feature']]: Feature<Extract<Rule, { feature: F }>, any> } = {
  count,
  distance,
  speed,
  ratioToMean,
  amount,
}

/** The feature of a rule, for code that treats all rules alike. */
export const featureOf = (rule: Rule): Feature<any, any> => features[rule.feature]
