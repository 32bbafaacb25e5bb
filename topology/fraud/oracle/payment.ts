import type { Device, Geo, Payment } from '../../../schemas/payments/types.ts'

/** 2025-03-03T12:00:00Z, a Monday. */
export const noon = 1_741_003_200_000

/** A valid payment for tests, with what matters to the test in its place. */
export const paymentOf = (given: Partial<Payment> = {}): Payment => ({
  paymentId: 'p-1',
  eventTime: noon,
  customerId: 'c-1',
  merchantId: 'm-1',
  amountMinor: 2_000,
  currency: 'EUR',
  vatMinor: 0,
  commissionMinor: 0,
  totalMinor: null,
  commissionType: 'UNKNOWN',
  type: 'PURCHASE',
  status: 'APPROVED',
  failureReason: null,
  channel: 'UNKNOWN',
  method: 'UNKNOWN',
  cardScheme: null,
  category: 'unknown',
  product: null,
  geo: null,
  device: null,
  customerType: null,
  customerSegment: null,
  accountBalanceMinor: null,
  processingMillis: null,
  upstreamRisk: null,
  origin: 'millrace',
  attributes: {},
  ...given,
})

export const placeOf = (latitude: number | null, longitude: number | null): Geo => ({
  latitude,
  longitude,
  country: null,
  region: null,
  city: null,
  postalCode: null,
  source: 'MERCHANT',
})

export const deviceOf = (given: Partial<Device>): Device => ({
  id: null,
  os: null,
  osVersion: null,
  model: null,
  appVersion: null,
  browser: null,
  userAgent: null,
  ipAddress: null,
  type: 'UNKNOWN',
  rooted: null,
  ...given,
})
