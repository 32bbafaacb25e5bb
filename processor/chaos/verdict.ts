import { plain } from '../../schemas/avro.ts'
import type { Payment } from '../../schemas/payments/types.ts'
import type { Registry } from '../../schemas/registry.ts'
import { DecodeError, NotReady, type Serde } from '../../schemas/serde.ts'
import type { Emission } from '../../topology/fraud/oracle/emission.ts'
import type { Expected } from '../../topology/fraud/oracle/oracle.ts'
import { endOfInputHeader } from '../../schemas/end-of-input.ts'
import { bind, type FlagshipTopics } from '../testing/flagship-testing.ts'
import type { Row } from '../testing/read-rows.ts'
import { judge, type Written } from '../testing/written-testing.ts'

export interface Verdict {
  /** Records of the input. */
  readonly records: number
  readonly lost: number
  /** Records that came more than once, or that nobody expected. */
  readonly duplicated: number
  readonly outOfOrder: number
  /** Everything in which the output differs from what the oracle says; at most a few of each kind. */
  readonly lines: readonly string[]
  readonly want: Expected
}

async function payload(
  { key, value }: Row,
  serde: Serde<Payment>,
): Promise<{ payment: Payment | null; failure?: string }> {
  if (value === null || value.length === 0) return { payment: null, failure: 'ERR_EMPTY' }
  for (;;) {
    try {
      return { payment: plain(serde.read(value, 0, value.length)) as Payment }
    } catch (error) {
      if (error instanceof DecodeError) return { payment: null, failure: error.code }
      if (!(error instanceof NotReady))
        throw new Error(`The payment of ${String(key)} cannot be read.`, { cause: error })
      await error.ready()
    }
  }
}

/** The input as the oracle takes it: from the log, whatever the producer believes. */
async function emissionsOf(
  input: readonly Row[],
  topics: FlagshipTopics,
  registry: Registry,
): Promise<readonly Emission[]> {
  const serde: Serde<Payment> = await bind(topics.payments, registry)
  const emissions: Emission[] = []
  for (const row of input) {
    const { partition, offset, timestamp, key, value, headerNames } = row
    if (headerNames.includes(endOfInputHeader)) continue
    const place = { topic: topics.payments.name, partition, offset, recordTime: timestamp }
    emissions.push({
      ...place,
      key: key?.toString() ?? null,
      value,
      headerCount: headerNames.length,
      ...(await payload(row, serde)),
    })
  }
  return emissions
}

type Ids = readonly string[]

/** How many ids are missing; and how many came again, or were not expected. */
export function tally(actual: Ids, expected: Ids): { lost: number; duplicated: number } {
  const wanted = new Set(expected)
  const seen = new Set<string>()
  let duplicated = 0
  for (const id of actual) {
    if (seen.has(id) || !wanted.has(id)) duplicated++
    seen.add(id)
  }
  return { lost: expected.filter(id => !seen.has(id)).length, duplicated }
}

const placeOf = ({ partition, offset }: { partition: number; offset: number }): string => `${partition}@${offset}`

/** Results of one key that come after one of a later payment. */
export function outOfOrder(results: readonly { readonly key: string; readonly offset: number }[]): number {
  const last = new Map<string, number>()
  let count = 0
  for (const { key, offset } of results) {
    if (offset <= (last.get(key) ?? -1)) count++
    last.set(key, Math.max(offset, last.get(key) ?? -1))
  }
  return count
}

/** Compares everything that was written with what the oracle makes of the input. */
export async function verdictOn(written: Written, topics: FlagshipTopics, registry: Registry): Promise<Verdict> {
  const emissions = await emissionsOf(written.input, topics, registry)
  const { lines, want } = judge(written, emissions)
  const sent = new Map(emissions.map(emission => [placeOf(emission), emission]))
  // The first of an id: what comes after it is a duplicate.
  const offsetOf = new Map(emissions.toReversed().map(({ payment, offset }) => [payment?.paymentId, offset]))
  const { alerts, analytics, rejected, late } = written
  const tallies = [
    tally(
      alerts.map(({ value }) => value.alertId),
      want.alerts.map(alert => alert.alertId),
    ),
    tally(
      analytics.map(({ row }) => row.key?.toString() ?? ''),
      [...want.analytics.keys()],
    ),
    tally(
      rejected.map(({ value }) => placeOf(value)),
      want.rejected.map(placeOf),
    ),
    tally(
      late.map(({ value }) => value.paymentId),
      want.late.map(place => sent.get(placeOf(place))!.payment!.paymentId),
    ),
  ]
  const keyed = rejected.filter(({ row }) => row.key !== null)
  return {
    records: emissions.length,
    lost: tallies.reduce((sum, { lost }) => sum + lost, 0),
    duplicated: tallies.reduce((sum, { duplicated }) => sum + duplicated, 0),
    outOfOrder:
      outOfOrder(alerts.map(({ value }) => ({ key: value.customerId, offset: value.input.offset }))) +
      outOfOrder(keyed.map(({ row, value }) => ({ key: row.key!.toString('latin1'), offset: value.offset }))) +
      outOfOrder(late.map(({ value }) => ({ key: value.customerId, offset: offsetOf.get(value.paymentId) ?? -1 }))),
    lines,
    want,
  }
}
