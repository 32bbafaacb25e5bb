import { readFileSync } from 'node:fs'

// The .avsc files are the source; types.ts is derived from them.

const load = (file: string): object => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8'))

export const paymentSchema = load('Payment.avsc')
export const paymentLabelSchema = load('PaymentLabel.avsc')
export const fraudAlertSchema = load('FraudAlert.avsc')
export const analyticsSchema = load('Analytics.avsc')
export const rejectedPaymentSchema = load('RejectedPayment.avsc')
