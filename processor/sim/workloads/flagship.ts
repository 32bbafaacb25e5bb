import { Buffer } from 'node:buffer'
import { plain } from '../../../schemas/avro.ts'
import { ByteWriter } from '../../../schemas/bytes.ts'
import { analytics, fraudAlerts, payments, paymentsLate, paymentsRejected } from '../../../schemas/payments/topics.ts'
import type { Serde } from '../../../schemas/serde.ts'
import { fraudTopology } from '../../../topology/fraud/topology.ts'
import type { Emission } from '../../../producer/emission.ts'
import { writeValue } from '../../../producer/encode.ts'
import { Millrace } from '../../../producer/profiles/millrace.ts'
import { damageCodes } from '../../testing/flagship-testing.ts'
import { type Decoded, judge } from '../../testing/written-testing.ts'
import type { Input, Seen, Verdict, Workload, WorkloadOptions } from '../workload.ts'

/** So many that some are late: the generator makes none before the first 500. */
const recordsLeast = 600

/** Far more often than in a day of payments, so that a few hundred records hold some of each. */
const shares = { outOfOrder: 0.1, late: 0.03, duplicate: 0.02, conflict: 0.01, invalid: 0.002, fraud: 0.01 }

/** The fraud application, with the payments of the generator, judged by its own oracle. */
export async function flagshipWorkload({ draws, records, keys, registry }: WorkloadOptions): Promise<Workload> {
  const seed = draws.whole(1, 1_000_000)
  const source = new Millrace({ seed, customers: Math.max(100, keys), merchants: 30, shares })
  const serde = (await payments.value.bind?.({
    topic: payments.name,
    part: 'value',
    writes: true,
    registry,
  })) as Serde<any>
  const writer = new ByteWriter(1024)
  const inputs = Array.from({ length: recordsLeast + Math.floor(records / 4) }, (): Input => {
    const emission = source.next()
    writer.reset()
    const isThere = writeValue(emission, serde, writer)
    const { key, timestamp, partitionHint } = emission
    return {
      topic: payments,
      key,
      value: isThere ? writer.copy() : null,
      timestamp,
      known: emission,
      ...(key === null && { partition: partitionHint }),
    }
  })
  return {
    inputs: [payments],
    outputs: [fraudAlerts, analytics, paymentsRejected, paymentsLate],
    topology: () => fraudTopology(),
    records: inputs,
    check,
  }
}

function check(seen: Seen): Verdict {
  const emissions = seen.placed.map(({ known, partition, offset }) => {
    const { key, timestamp, payment, damage } = known as Emission
    const failure = damage === null ? {} : { failure: damageCodes[damage] }
    const place = { topic: payments.name, partition, offset, key, recordTime: timestamp }
    return { ...place, payment: damage === null ? payment : null, ...failure }
  })
  const decoded = (topic: Parameters<Seen['outputs']>[0]): Decoded<any>[] =>
    seen.outputs(topic).map(output => ({ row: rowOf(output), value: plain(output.value) }))
  const written = {
    input: seen.placed.map(({ partition, offset, timestamp, key, value }) => ({
      partition,
      offset,
      timestamp,
      value,
      headerNames: [],
      key: key === null ? null : Buffer.from(key),
    })),
    alerts: decoded(fraudAlerts),
    analytics: decoded(analytics),
    rejected: decoded(paymentsRejected),
    late: decoded(paymentsLate),
  }
  const { lines, want } = judge(written, emissions)
  return {
    differences: lines,
    late: want.late.length,
    rejected: want.rejected.length,
    compared: written.alerts.length + written.analytics.length,
  }
}

const rowOf = ({ partition, offset, timestamp, rawKey }: ReturnType<Seen['outputs']>[number]): Decoded<any>['row'] => ({
  partition,
  offset,
  timestamp,
  key: rawKey,
  value: null,
  headerNames: [],
})
