import type { Buffer } from 'node:buffer'
import type { Topic } from '../topic.ts'
import { analytics, payments, paymentsLate, paymentsRejected } from './topics.ts'
import type { Analytics, Geo, Payment, PaymentStatus, RejectedPayment } from './types.ts'

// The topics carry the derived types, and these are as narrow as the schemas.

export const typed: readonly [
  Topic<string, Payment>,
  Topic<string, Payment>,
  Topic<Buffer | null, RejectedPayment>,
  Topic<string, Analytics>,
] = [payments, paymentsLate, paymentsRejected, analytics]

declare const payment: Payment
export const geo: Geo | null = payment.geo
export const status: PaymentStatus = payment.status
export const total: number | null = payment.totalMinor
export const attribute: string | undefined = payment.attributes['a']
// @ts-expect-error Not a status.
export const wrong: PaymentStatus = 'approved'
// @ts-expect-error A payment that was read cannot be changed.
payment.amountMinor = 1
