import type { Buffer } from 'node:buffer'
import type { Payment, RejectedPayment, RejectionError } from '../../../schemas/payments/types.ts'
import type { Failure } from '../../plan.ts'
import type { RecordMeta } from '../../process.ts'
import { maskBytes, masked, maskPayment } from './card-data.ts'

/** What is written of a payment that was read but may not be processed. Card data is masked wherever it could be. */
export function rejectedPayment(
  payment: Payment,
  errors: readonly RejectionError[],
  record: RecordMeta,
  value: Buffer,
): RejectedPayment {
  const sensitive = errors.some(error => error.code === 'ERR_SAD')
  const key = record.rawKey()
  const headers = record.headers()
  return {
    errors,
    paymentId: sensitive ? masked(payment.paymentId) : payment.paymentId,
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    recordTime: record.recordTimestamp,
    schemaId: schemaIdOf(value),
    format: 'avro',
    key: sensitive && key !== null ? maskBytes(key) : key,
    value: sensitive ? maskPayment(payment, value) : value,
    headers: sensitive
      ? headers.map(header => ({ ...header, value: header.value && maskBytes(header.value) }))
      : headers,
  }
}

/** What is written of bytes that hold no payment, or whose processing threw. */
export function rejectedRecord(failure: Failure): RejectedPayment {
  return {
    errors: [{ code: failure.code, field: '', message: failure.message }],
    paymentId: null,
    topic: failure.topic,
    partition: failure.partition,
    offset: failure.offset,
    recordTime: failure.timestamp,
    schemaId: schemaIdOf(failure.value),
    format: 'avro',
    key: failure.key,
    value: failure.value,
    headers: failure.headers,
  }
}

/** The id in the Confluent frame: a zero byte, then 4 bytes big-endian. */
const schemaIdOf = (value: Buffer | null): number | null =>
  value !== null && value.length >= 5 && value[0] === 0 ? value.readInt32BE(1) : null
