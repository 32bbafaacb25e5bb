import type { Buffer } from 'node:buffer'
import { avro } from '../avro.ts'
import { rawBytes, text } from '../serdes.ts'
import { topic } from '../topic.ts'
import {
  analyticsSchema,
  fraudAlertSchema,
  paymentLabelSchema,
  paymentSchema,
  rejectedPaymentSchema,
} from './schemas.ts'
import type { Analytics, FraudAlert, Payment, PaymentLabel, RejectedPayment } from './types.ts'

export const payments = topic('payments', text, avro<Payment>(paymentSchema))
/** What is no valid payment. The key is that of the payment's record, whatever it was; null where there was none. */
export const paymentsRejected = topic<Buffer | null, RejectedPayment>(
  'payments_rejected',
  rawBytes,
  avro<RejectedPayment>(rejectedPaymentSchema),
)
/** Valid payments that came too late for the windows of the KPIs. */
export const paymentsLate = topic('payments_late', text, avro<Payment>(paymentSchema))
export const paymentLabels = topic('payment_labels', text, avro<PaymentLabel>(paymentLabelSchema))
export const fraudAlerts = topic('fraud_alerts', text, avro<FraudAlert>(fraudAlertSchema))
/** The key is `<kpi>/<dimension>/<member>/<currency>/<windowStart>`. */
export const analytics = topic('analytics', text, avro<Analytics>(analyticsSchema))

/** How a topic is made. */
export interface TopicSettings {
  readonly name: string
  readonly partitions: number
  readonly cleanup: 'delete' | 'compact' | 'compact,delete'
  /**
   * For live input. Brokers delete by wall clock, so topics for generated or replayed payments, whose event times are
   * old, get -1 in its place.
   */
  readonly retentionMs: number
}

const dayMs = 86_400_000

export const topicSettings: readonly TopicSettings[] = [
  { name: payments.name, partitions: 6, cleanup: 'delete', retentionMs: 90 * dayMs },
  { name: paymentsRejected.name, partitions: 3, cleanup: 'delete', retentionMs: 30 * dayMs },
  { name: paymentsLate.name, partitions: 3, cleanup: 'delete', retentionMs: 30 * dayMs },
  { name: paymentLabels.name, partitions: 6, cleanup: 'delete', retentionMs: 90 * dayMs },
  { name: fraudAlerts.name, partitions: 6, cleanup: 'delete', retentionMs: 90 * dayMs },
  { name: analytics.name, partitions: 3, cleanup: 'compact,delete', retentionMs: 30 * dayMs },
]
