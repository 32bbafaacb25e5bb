import { didYouMean } from '../suggest.ts'
import { paymentFields, type PaymentField } from './fields.ts'

// A mapping says for each field of a payment which column of a file it comes from and how it is read. It is data
// (JSON); this file checks it, so that a mistake is told before the first row is read.

export type Reading =
  | { readonly reader: 'text'; readonly column: string; readonly prefix: string; readonly nothing: string }
  | { readonly reader: 'strip'; readonly column: string; readonly prefix: string }
  | { readonly reader: ColumnReader; readonly column: string }
  | { readonly reader: 'row'; readonly prefix: string }
  | { readonly reader: 'const'; readonly value: string | number | boolean }
  | {
      readonly reader: 'match'
      readonly column: string
      readonly cases: readonly Case[]
      readonly otherwise: string | null
    }

/** Readers that need a column and nothing else. `decimal` takes the currency of the same row. */
type ColumnReader = 'decimal' | 'integer' | 'number' | 'boolean' | 'epochSeconds' | 'epochMillis' | 'iso' | 'token'

export interface Case {
  readonly equals?: string
  readonly endsWith?: string
  readonly value: string
}

export interface Mapping {
  readonly name: string
  /** The header line of files that this mapping is chosen for; null: only when named. */
  readonly header: readonly string[] | null
  readonly fields: ReadonlyMap<string, Reading>
  /** null: the file holds no truth about fraud. */
  readonly labels: { readonly fraud: Reading; readonly scenario: Reading | null } | null
}

export class MappingError extends Error {
  override readonly name = 'MappingError'
}

/** What each reader gives. */
const results: Readonly<Record<Reading['reader'], readonly PaymentField['type'][]>> = {
  text: ['text', 'enum'],
  strip: ['text'],
  row: ['text'],
  token: ['text'],
  match: ['text', 'enum'],
  const: ['text', 'integer', 'number', 'boolean', 'enum'],
  decimal: ['integer'],
  integer: ['integer', 'number'],
  epochSeconds: ['integer'],
  epochMillis: ['integer'],
  iso: ['integer'],
  number: ['number'],
  boolean: ['boolean'],
}

type Fields = Readonly<Record<string, unknown>>

/**
 * @param name for messages: the file of the mapping, or its name
 * @param json the parsed JSON
 */
export function parseMapping(name: string, json: unknown): Mapping {
  const fail = (message: string): never => {
    throw new MappingError(`The mapping ${name}: ${message}`)
  }
  if (!isObject(json)) return fail('it must be a JSON object with "fields".')
  refuseUnknown(json, ['name', 'header', 'fields', 'labels'], fail)
  if (!isObject(json['fields']))
    return fail('"fields" is missing: an object with a reader for each field of a payment.')
  const fields = new Map<string, Reading>()
  for (const [field, spec] of Object.entries(json['fields'])) {
    const known = paymentFields.get(field)
    if (known === undefined) fail(`a payment has no field "${field}"${didYouMean(field, paymentFields.keys()) || '.'}`)
    const reading = parseReading(spec, message => fail(`field "${field}": ${message}`))
    checkResult(reading, known!, message => fail(`field "${field}": ${message}`))
    fields.set(field, reading)
  }
  for (const [field, { required }] of paymentFields) {
    if (required && !fields.has(field)) fail(`field "${field}" is missing; every payment needs it.`)
  }
  return {
    name: typeof json['name'] === 'string' ? json['name'] : name,
    header: parseHeader(json['header'], fail),
    fields,
    labels: parseLabels(json['labels'], fail),
  }
}

type Fail = (message: string) => never

function parseHeader(header: unknown, fail: Fail): readonly string[] | null {
  if (header === undefined) return null
  if (Array.isArray(header) && header.every(cell => typeof cell === 'string')) return header
  return fail('"header" must be a list of column names.')
}

function parseLabels(labels: unknown, fail: Fail): Mapping['labels'] {
  if (labels === undefined) return null
  if (!isObject(labels)) return fail('"labels" must be an object with "fraud" and perhaps "scenario".')
  refuseUnknown(labels, ['fraud', 'scenario'], fail)
  const fraud = parseReading(labels['fraud'], message => fail(`label "fraud": ${message}`))
  if (fraud.reader !== 'boolean') fail('label "fraud": only the reader "boolean" gives what is needed.')
  const { scenario } = labels
  return {
    fraud,
    scenario: scenario === undefined ? null : parseReading(scenario, message => fail(`label "scenario": ${message}`)),
  }
}

function parseReading(spec: unknown, fail: Fail): Reading {
  if (!isObject(spec)) return fail('it needs an object like { "reader": "text", "column": "name" }.')
  const { reader } = spec
  if (typeof reader !== 'string' || !(reader in results)) {
    return fail(
      `there is no reader ${JSON.stringify(reader)}${didYouMean(String(reader), Object.keys(results)) || '.'}`,
    )
  }
  const text = (key: string, preset?: string): string => {
    const value = spec[key] ?? preset
    return typeof value === 'string' ? value : fail(`the reader "${reader}" needs a text as "${key}".`)
  }
  const only = (...keys: readonly string[]): void => refuseUnknown(spec, ['reader', ...keys], fail)
  switch (reader as Reading['reader']) {
    case 'text':
      only('column', 'prefix', 'nothing')
      return { reader: 'text', column: text('column'), prefix: text('prefix', ''), nothing: text('nothing', '') }
    case 'strip':
      only('column', 'prefix')
      return { reader: 'strip', column: text('column'), prefix: text('prefix') }
    case 'row':
      only('prefix')
      return { reader: 'row', prefix: text('prefix', '') }
    case 'const': {
      only('value')
      const { value } = spec
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
        return { reader: 'const', value }
      }
      return fail('the reader "const" needs a text, a number or true or false as "value".')
    }
    case 'match':
      only('column', 'cases', 'otherwise')
      return {
        reader: 'match',
        column: text('column'),
        cases: parseCases(spec['cases'], fail),
        otherwise: spec['otherwise'] === undefined ? null : text('otherwise'),
      }
    default:
      only('column')
      return { reader: reader as ColumnReader, column: text('column') }
  }
}

function parseCases(cases: unknown, fail: Fail): readonly Case[] {
  const isCase = (entry: unknown): entry is Case =>
    isObject(entry) &&
    typeof entry['value'] === 'string' &&
    (typeof entry['equals'] === 'string') !== (typeof entry['endsWith'] === 'string')
  if (Array.isArray(cases) && cases.every(isCase)) return cases
  return fail('"cases" must be a list of { "equals": ..., "value": ... } or { "endsWith": ..., "value": ... }.')
}

/** Whether what a reader gives is what the field holds; values that are known now are looked at now. */
function checkResult(reading: Reading, field: PaymentField, fail: Fail): void {
  if (!results[reading.reader].includes(field.type)) fail(`the reader "${reading.reader}" gives no ${field.type}.`)
  const values: (string | number | boolean)[] = []
  if (reading.reader === 'const') values.push(reading.value)
  if (reading.reader === 'match') {
    values.push(...reading.cases.map(({ value }) => value))
    if (reading.otherwise !== null) values.push(reading.otherwise)
  }
  for (const value of values) {
    if (!fits(value, field)) {
      const wanted = field.type === 'enum' ? `one of ${field.symbols.join(', ')}` : `${field.type}`
      fail(`${JSON.stringify(value)} is not ${wanted}.`)
    }
  }
}

function fits(value: string | number | boolean, { type, symbols }: PaymentField): boolean {
  switch (type) {
    case 'enum':
      return symbols.includes(String(value))
    case 'integer':
      return Number.isSafeInteger(value)
    case 'text':
      return typeof value === 'string'
    default:
      return typeof value === type
  }
}

function refuseUnknown(object: Fields, known: readonly string[], fail: Fail): void {
  for (const key of Object.keys(object)) {
    if (!known.includes(key)) fail(`"${key}" means nothing here${didYouMean(key, known) || '.'}`)
  }
}

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
