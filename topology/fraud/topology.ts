import { analytics, fraudAlerts, payments, paymentsLate, paymentsRejected } from '../../schemas/payments/topics.ts'
import { text } from '../../schemas/serdes.ts'
import type { Spans } from '../aggregates.ts'
import { count, sum } from '../counting.ts'
import { type } from '../options.ts'
import { type Stream, topology, type Topology } from '../stream.ts'
import { hopping, tumbling, type Window } from '../windows.ts'
import { alertOf } from './alert.ts'
import { type Evaluated, evaluator, spansOf } from './evaluate.ts'
import { pastPayment, type PastPayment } from './history.ts'
import { type Intake, IntakeProcessor, type Rejected, type Valid } from './intake.ts'
import { analyticsKey, figures, rankings } from './kpi/analytics.ts'
import { catalogue, checkCatalogue, type KpiWindow } from './kpi/catalogue.ts'
import { type Cell, rankCells, sumCells } from './kpi/cells.ts'
import { scores } from './kpi/top.ts'
import { checkRuleSet } from './rules/check.ts'
import { defaultRuleSet, type RuleSet } from './rules/rule-set.ts'
import { seenState } from './seen.ts'
import { rejectedRecord } from './validation/rejected.ts'

/**
 * What became of one record, for counters. Called as it is processed: again, if its transaction is aborted and it
 * comes again.
 */
export type Outcome =
  | { readonly kind: 'valid' | 'duplicate' | 'late' }
  | { readonly kind: 'rejected'; readonly codes: readonly string[] }
  | { readonly kind: 'alert'; readonly ruleIds: readonly string[] }

export interface FraudOptions {
  readonly ruleSet?: RuleSet
  readonly observe?: (outcome: Outcome) => void
}

/** How late a payment may be for the KPIs; also how long their windows wait. */
const kpiGrace = '60s'

/**
 * Payments in; alerts, figures, and what is rejected or late out.
 *
 * ```
 * payments > intake > history of the customer > rules > fraud_alerts
 *              |                                  |
 *              > payments_rejected                > on time? > windows of KPIs > analytics
 *                                                      |
 *                                                      > payments_late
 * ```
 */
export function fraudTopology(options: FraudOptions = {}): Topology {
  const { ruleSet = defaultRuleSet, observe = () => {} } = options
  checkRuleSet(ruleSet)
  checkCatalogue(catalogue)
  const fraud = topology('fraud', {
    onFailure: 'dead-letter',
    deadLetters: {
      topic: paymentsRejected,
      value(failure) {
        observe({ kind: 'rejected', codes: [failure.code] })
        return rejectedRecord(failure)
      },
    },
  })

  const { valid, rejected, duplicate } = fraud
    .stream(payments)
    .process('intake', {
      stores: { seen: seenState },
      forwards: type<Intake>(),
      create: context => new IntakeProcessor(context),
    })
    .split(
      {
        valid: (intake): intake is Valid => intake.kind === 'valid',
        rejected: (intake): intake is Rejected => intake.kind === 'rejected',
      },
      { otherwise: 'duplicate' },
    )
  duplicate.peek(() => observe({ kind: 'duplicate' }))
  rejected
    .map(intake => intake.rejected)
    .peek(record => observe({ kind: 'rejected', codes: record.errors.map(error => error.code) }))
    .rekey(record => record.key, paymentsRejected.key)
    .to(paymentsRejected)

  const evaluated = valid
    .peek(() => observe({ kind: 'valid' }))
    .groupByKey()
    .trailing(
      'customer-history',
      { grace: '25h', remember: intake => intake.past, event: pastPayment },
      spansOf(ruleSet) as Spans<PastPayment> & { readonly event?: never },
    )
    .changes()
    .map(evaluator(ruleSet))

  evaluated
    .filter(({ alerts }) => alerts)
    .map((payment, _key, meta) => alertOf(payment, meta.topic, ruleSet))
    .peek(alert => observe({ kind: 'alert', ruleIds: alert.hits.map(hit => hit.ruleId) }))
    .to(fraudAlerts)

  const { onTime, late } = evaluated.lateness('kpi-time', { grace: kpiGrace })
  late
    .peek(() => observe({ kind: 'late' }))
    .map(({ payment }) => payment)
    .to(paymentsLate)
  sums(onTime, 'hop1m', hopping('1m', { every: '20s', grace: kpiGrace }))
  sums(onTime, 'tumble1m', tumbling('1m', { grace: kpiGrace }))
  ranks(onTime, 'tumble5m', tumbling('5m', { grace: kpiGrace }))
  return fraud
}

/** The sums of all KPIs of one window, in one store. */
function sums(onTime: Stream<string, Evaluated>, name: KpiWindow, window: Window): void {
  onTime
    .flatMap(sumCells(catalogue, name))
    .groupBy(cell => cell.key, text)
    .window(window)
    .aggregate(
      `kpi-${name}`,
      {
        numerator: sum((cell: Cell) => cell.numerator),
        denominator: sum((cell: Cell) => cell.denominator),
        count: count(),
      },
      { combine: true },
    )
    .final()
    .map(figures(catalogue))
    .rekey(analyticsKey, text)
    .to(analytics)
}

/** The rankings of all KPIs of one window, in one store. */
function ranks(onTime: Stream<string, Evaluated>, name: KpiWindow, window: Window): void {
  onTime
    .flatMap(rankCells(catalogue, name))
    .groupBy(cell => cell.key, text)
    .window(window)
    .aggregate(`top-${name}`, { scores }, { combine: true })
    .final()
    .flatMap(rankings(catalogue))
    .rekey(analyticsKey, text)
    .to(analytics)
}
