import { paymentSchema } from '../../schemas/payments/schemas.ts'

/** What a field of a payment holds, as far as a mapping has to know. */
export interface PaymentField {
  readonly type: 'text' | 'integer' | 'number' | 'boolean' | 'enum'
  /** Of an enum. */
  readonly symbols: readonly string[]
  readonly nullable: boolean
  readonly required: boolean
}

interface AvroField {
  readonly name: string
  readonly type: unknown
  readonly default?: unknown
}

interface AvroRecord {
  readonly type: 'record'
  readonly fields: readonly AvroField[]
}

/** By name, inner records as `geo.latitude`. Read from the schema, so that a new field can be mapped at once. */
export const paymentFields: ReadonlyMap<string, PaymentField> = new Map(entries(paymentSchema as AvroRecord, ''))

/** The fields of inner records that may be mapped, `geo` and the like, with what they hold when nothing is said. */
export const paymentRecords: ReadonlyMap<string, Readonly<Record<string, unknown>>> = new Map(
  (paymentSchema as AvroRecord).fields.flatMap(({ name, type }) => {
    const record = branches(type).find(isRecord)
    return record === undefined ? [] : [[name, defaults(record)] as const]
  }),
)

/** What a payment holds when nothing is said. */
export const paymentDefaults: Readonly<Record<string, unknown>> = defaults(paymentSchema as AvroRecord)

function entries(record: AvroRecord, prefix: string): [string, PaymentField][] {
  return record.fields.flatMap((field): [string, PaymentField][] => {
    const inner = branches(field.type).find(isRecord)
    if (inner !== undefined) return entries(inner, `${field.name}.`)
    const known = fieldOf(field, prefix === '')
    return known === null ? [] : [[`${prefix}${field.name}`, known]]
  })
}

/** null: a map or an array, which no cell holds. */
function fieldOf({ type, default: preset }: AvroField, outer: boolean): PaymentField | null {
  const options = branches(type)
  const main = options.find(option => option !== 'null')
  const kind = typeOf(main)
  if (kind === null) return null
  const symbols = kind === 'enum' ? (main as { symbols: readonly string[] }).symbols : []
  return { type: kind, symbols, nullable: options.includes('null'), required: outer && preset === undefined }
}

function typeOf(type: unknown): PaymentField['type'] | null {
  const name = typeof type === 'object' && type !== null ? (type as { type: unknown }).type : type
  switch (name) {
    case 'string':
      return 'text'
    case 'int':
    case 'long':
      return 'integer'
    case 'double':
      return 'number'
    case 'boolean':
      return 'boolean'
    case 'enum':
      return 'enum'
    default:
      return null
  }
}

function branches(type: unknown): readonly unknown[] {
  return Array.isArray(type) ? type : [type]
}

function isRecord(type: unknown): type is AvroRecord {
  return typeof type === 'object' && type !== null && (type as { type: unknown }).type === 'record'
}

function defaults(record: AvroRecord): Record<string, unknown> {
  return Object.fromEntries(
    record.fields.map(({ name, type, default: preset }) => [name, preset ?? (type === 'string' ? '' : null)]),
  )
}
