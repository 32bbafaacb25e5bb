// Generated from the .avsc files by `node schemas/payments/generate-types.ts`. Do not edit.

import type { Buffer } from 'node:buffer'

export type CommissionType = 'UNKNOWN' | 'FLAT' | 'PROGRESSIVE' | 'TIERED'

export type PaymentType = 'UNKNOWN' | 'PURCHASE' | 'PAYMENT' | 'TRANSFER' | 'WITHDRAWAL' | 'REFUND' | 'REVERSAL' | 'FEE'

export type PaymentStatus =
  | 'UNKNOWN'
  | 'APPROVED'
  | 'AUTHORIZED'
  | 'PENDING'
  | 'FLAGGED'
  | 'DECLINED'
  | 'FAILED'
  | 'REVERSED'
  | 'REFUNDED'

export type Channel = 'UNKNOWN' | 'ONLINE' | 'POS' | 'MOBILE' | 'NFC' | 'ATM'

export type PaymentMethod =
  | 'UNKNOWN'
  | 'CREDIT_CARD'
  | 'DEBIT_CARD'
  | 'PREPAID_CARD'
  | 'GIFT_CARD'
  | 'DIGITAL_WALLET'
  | 'PAYPAL'
  | 'APPLE_PAY'
  | 'GOOGLE_PAY'
  | 'BANK_TRANSFER'
  | 'WIRE_TRANSFER'
  | 'CRYPTO'

export interface Product {
  readonly id: string
  readonly name: string | null
}

export type GeoSource = 'UNKNOWN' | 'DEVICE' | 'MERCHANT' | 'CITY'

export interface Geo {
  /** WGS 84 degrees; personal when source is DEVICE. */
  readonly latitude: number | null
  /** WGS 84 degrees; personal when source is DEVICE. */
  readonly longitude: number | null
  /** ISO 3166-1 alpha-2. */
  readonly country: string | null
  readonly region: string | null
  readonly city: string | null
  readonly postalCode: string | null
  /** Whose place it is. */
  readonly source: GeoSource
}

export type DeviceType = 'UNKNOWN' | 'MOBILE' | 'DESKTOP' | 'TABLET' | 'TERMINAL'

export interface Device {
  readonly id: string | null
  readonly os: string | null
  readonly osVersion: string | null
  readonly model: string | null
  readonly appVersion: string | null
  readonly browser: string | null
  readonly userAgent: string | null
  readonly ipAddress: string | null
  readonly type: DeviceType
  readonly rooted: boolean | null
}

/** One payment as its source reports it. Whether it is fraud no field tells: that comes later, as a PaymentLabel. */
export interface Payment {
  /** Unique id given by the source. */
  readonly paymentId: string
  /** When the payment took place. */
  readonly eventTime: number
  /** Payer, user or card token; key of the topic; never a card number. */
  readonly customerId: string
  /** Payee, terminal or shop. */
  readonly merchantId: string
  /** Amount in minor units without VAT and commission, 0 or more; the direction is given by type. */
  readonly amountMinor: number
  /** ISO 4217, three capitals. */
  readonly currency: string
  /** Tax. */
  readonly vatMinor: number
  /** Commission of the provider. */
  readonly commissionMinor: number
  /** Amount charged as stated by the source; null: not stated. */
  readonly totalMinor: number | null
  /** Commission structure. */
  readonly commissionType: CommissionType
  /** Kind of payment. */
  readonly type: PaymentType
  /** State at the source. */
  readonly status: PaymentStatus
  /** cancelled, insufficient_funds, system_error, fraud_prevented, . */
  readonly failureReason: string | null
  /** Where it was made. */
  readonly channel: Channel
  /** Means of payment. */
  readonly method: PaymentMethod
  /** VISA, MASTERCARD, AMEX, RUPAY. */
  readonly cardScheme: string | null
  /** Merchant or product category, lower snake case. */
  readonly category: string
  /** What was bought. */
  readonly product: Product | null
  /** Where it was made, as far as the source says. */
  readonly geo: Geo | null
  /** What it was made with. */
  readonly device: Device | null
  /** As stated in the event. */
  readonly customerType: string | null
  /** As stated in the event. */
  readonly customerSegment: string | null
  /** Balance stated by the source, may be negative. */
  readonly accountBalanceMinor: number | null
  /** Time the source took to process the payment. */
  readonly processingMillis: number | null
  /** Risk score of an upstream system that is not derived from the truth. */
  readonly upstreamRisk: number | null
  /** Profile that produced the event. */
  readonly origin: string
  /** Everything else, at most 32 entries of 256 characters. */
  readonly attributes: Readonly<Record<string, string>>
}

export type LabelSource = 'UNKNOWN' | 'GENERATOR' | 'REPLAY' | 'CHARGEBACK' | 'REVIEW'

/** Late-arriving truth about one payment. The record's timestamp is labelTime. */
export interface PaymentLabel {
  readonly paymentId: string
  /** Key of the topic. */
  readonly customerId: string
  readonly merchantId: string
  /** When the payment took place. */
  readonly eventTime: number
  /** When the truth became known. */
  readonly labelTime: number
  readonly amountMinor: number
  readonly fraud: boolean
  readonly scenario: string
  readonly episodeId: string
  readonly source: LabelSource
}

export type AlertLevel = 'UNKNOWN' | 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL'

export type AlertAction = 'UNKNOWN' | 'REVIEW' | 'BLOCK' | 'ALLOW'

export type RuleMode = 'UNKNOWN' | 'ACTIVE' | 'ADVISORY' | 'SHADOW'

export interface Evidence {
  readonly paymentId: string
  readonly partition: number
  readonly offset: number
}

export interface RuleHit {
  readonly ruleId: string
  readonly points: number
  readonly mode: RuleMode
  readonly windowStart: number | null
  readonly windowEnd: number | null
  readonly observed: number
  readonly threshold: number
  readonly reason: string
  /** At most 20, newest first. */
  readonly evidence: readonly Evidence[]
}

export interface RiskFactors {
  readonly amount: number
  readonly velocity: number
  readonly geographic: number
  readonly device: number
  readonly pattern: number
}

export interface FeatureValue {
  readonly name: string
  readonly value: number
  readonly windowStart: number | null
  readonly windowEnd: number | null
}

export interface Attribution {
  readonly name: string
  readonly contribution: number
}

export interface InputPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** A payment that fired rules, with all hits and the windows they looked at. */
export interface FraudAlert {
  /** <topic>-<partition>-<offset>@<ruleSet>:<version>. */
  readonly alertId: string
  readonly paymentId: string
  /** Key of the topic. */
  readonly customerId: string
  readonly merchantId: string
  readonly eventTime: number
  readonly amountMinor: number
  readonly currency: string
  /** Whole permille. */
  readonly score: number
  readonly level: AlertLevel
  readonly action: AlertAction
  /** Whole permille. */
  readonly rulesScore: number
  /** Whole permille. */
  readonly fiveFactorScore: number
  /** Whole permille. */
  readonly modelScore: number | null
  /** Sum before the cap, for ranking. */
  readonly points: number
  readonly hits: readonly RuleHit[]
  /** Whole permille. */
  readonly factors: RiskFactors
  readonly reasons: readonly string[]
  readonly features: readonly FeatureValue[]
  /** Of the model, the five largest. */
  readonly attributions: readonly Attribution[]
  readonly ruleSet: string
  readonly ruleSetVersion: number
  readonly modelVersion: string | null
  /** The payment that it answers. */
  readonly input: InputPosition
}

export type AnalyticsUnit = 'UNKNOWN' | 'COUNT' | 'MINOR' | 'RATIO' | 'MILLIS'

export interface RankItem {
  readonly rank: number
  readonly member: string
  readonly numerator: number
  readonly count: number
}

/** One figure of one KPI in one window. Ratios stay exact: numerator and denominator. */
export interface Analytics {
  readonly kpi: string
  readonly windowStart: number
  /** Exclusive. */
  readonly windowEnd: number
  readonly dimension: string
  readonly member: string
  readonly currency: string
  readonly count: number
  readonly numerator: number
  readonly denominator: number
  readonly unit: AnalyticsUnit
  readonly items: readonly RankItem[]
  /** Whether the window is closed. */
  readonly final: boolean
  readonly revision: number
}

export interface RejectionError {
  readonly code: string
  readonly field: string
  readonly message: string
}

export interface RejectedHeader {
  readonly name: string
  readonly value: Buffer | null
}

/** A record of the input that is no valid payment, with every code that applies and its original bytes. */
export interface RejectedPayment {
  readonly errors: readonly RejectionError[]
  readonly paymentId: string | null
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly recordTime: number
  readonly schemaId: number | null
  readonly format: string
  readonly key: Buffer | null
  /** The original bytes, unchanged; masked when ERR_SAD. */
  readonly value: Buffer | null
  readonly headers: readonly RejectedHeader[]
}
