import { currencyExponent } from '../../schemas/payments/currency.ts'
import type { Payment } from '../../schemas/payments/types.ts'
import type { EmissionLabel } from '../emission.ts'
import type { CsvRow } from './csv.ts'
import { paymentDefaults, paymentFields, paymentRecords } from './fields.ts'
import { MappingError, type Case, type Mapping, type Reading } from './mapping.ts'
import { CellError, readBoolean, readDecimal, readInteger, readIso, readNumber, tokenReader } from './readers.ts'

/** A row of a file that cannot become a payment. */
export class RowError extends Error {
  override readonly name = 'RowError'
}

/** What a cell, or the row as a whole, says about a field; null: nothing. */
type Read = (cells: readonly string[], row: number, currency: string) => unknown

interface Column {
  readonly field: string
  /** The inner record, `geo`; null for the payment itself. */
  readonly record: string | null
  readonly name: string
  readonly read: Read
  /** Says the same in every row, and so nothing about whether the inner record is there. */
  readonly constant: boolean
}

export interface RowMapper {
  /** @param number of the row among the rows with data, from 1. Throws a `RowError`. */
  payment(row: CsvRow, number: number): Payment
  label(row: CsvRow, number: number): EmissionLabel | null
}

/** Ties a mapping to the columns of a file. */
export function rowMapper(
  mapping: Mapping,
  header: readonly string[],
  options: { readonly tokenKey: string },
): RowMapper {
  const token = tokenReader(options.tokenKey)
  const compile = (field: string, reading: Reading): Column => {
    const dot = field.indexOf('.')
    return {
      field,
      record: dot === -1 ? null : field.slice(0, dot),
      name: field.slice(dot + 1),
      read: checked(field, compileReading(reading, columnFinder(mapping, field, header), token)),
      constant: reading.reader === 'const',
    }
  }
  const columns = [...mapping.fields].map(([field, reading]) => compile(field, reading))
  const currency = columns.find(column => column.field === 'currency')!
  const optional = (field: string, reading: Reading | null | undefined): Column | null =>
    reading === null || reading === undefined ? null : compile(field, reading)
  const fraud = optional('fraud', mapping.labels?.fraud)
  const scenario = optional('scenario', mapping.labels?.scenario)
  const read = (column: Column, row: CsvRow, number: number, code: string): unknown => {
    if (row.cells.length !== header.length) {
      throw new RowError(`line ${row.line}: ${row.cells.length} cells, but the header has ${header.length}`)
    }
    try {
      return column.read(row.cells, number, code)
    } catch (error) {
      if (!(error instanceof CellError)) throw error
      throw new RowError(`line ${row.line}, field "${column.field}": ${error.message}`, { cause: error })
    }
  }
  return {
    payment: (row, number) => {
      const code = read(currency, row, number, '') as string
      return build(columns, column => read(column, row, number, code))
    },
    label: (row, number) =>
      fraud === null
        ? null
        : {
            fraud: read(fraud, row, number, '') as boolean,
            scenario: scenario === null ? '' : ((read(scenario, row, number, '') ?? '') as string),
            episodeId: '',
            source: 'REPLAY',
          },
  }
}

function build(columns: readonly Column[], read: (column: Column) => unknown): Payment {
  const payment: Record<string, unknown> = { ...paymentDefaults }
  const absent = new Set<string>()
  for (const column of columns) {
    const value = read(column)
    const { record, name } = column
    if (record === null) {
      if (value !== null) payment[name] = value
      continue
    }
    if (payment[record] === null) {
      payment[record] = { ...paymentRecords.get(record)! }
      absent.add(record)
    }
    if (value === null) continue
    if (!column.constant) absent.delete(record)
    ;(payment[record] as Record<string, unknown>)[name] = value
  }
  for (const record of absent) payment[record] = null
  // The fields are those of the schema, each of the type that its reader was checked to give.
  return payment as unknown as Payment
}

/**
 * Refuses what the field cannot hold: nothing at all where something is needed, and symbols that an enum does not
 * have.
 */
function checked(field: string, read: Read): Read {
  const known = paymentFields.get(field)
  if (known === undefined) return read
  return (cells, row, currency) => {
    const value = read(cells, row, currency)
    // An empty id is for validation to reject; an empty amount is no payment.
    if (value === null && known.required) {
      if (known.type === 'text') return ''
      throw new CellError('the cell is empty')
    }
    if (value !== null && known.type === 'enum' && !known.symbols.includes(value as string)) {
      throw new CellError(`${JSON.stringify(value)} is not one of ${known.symbols.join(', ')}`)
    }
    return value
  }
}

type Finder = (column: string) => number

function columnFinder(mapping: Mapping, field: string, header: readonly string[]): Finder {
  return column => {
    const index = header.indexOf(column)
    if (index !== -1) return index
    const there = header.join(', ')
    throw new MappingError(
      `The mapping ${mapping.name}: field "${field}" is read from the column "${column}", but the file has ${there}.`,
    )
  }
}

function compileReading(reading: Reading, find: Finder, token: (cell: string) => string): Read {
  switch (reading.reader) {
    case 'const':
      return () => reading.value
    case 'row':
      return (_, row) => `${reading.prefix}${row}`
    case 'text':
      return cellReader(find(reading.column), cell => (cell === reading.nothing ? null : `${reading.prefix}${cell}`))
    case 'strip':
      return cellReader(find(reading.column), cell =>
        cell.startsWith(reading.prefix) ? cell.slice(reading.prefix.length) : cell,
      )
    case 'match':
      return cellReader(find(reading.column), cell => matchCases(cell, reading.cases, reading.otherwise))
    case 'decimal':
      return decimalReader(find(reading.column))
    case 'token':
      return cellReader(find(reading.column), token)
    case 'epochSeconds':
      return cellReader(find(reading.column), cell => readInteger(cell) * 1000)
    case 'epochMillis':
    case 'integer':
      return cellReader(find(reading.column), readInteger)
    case 'number':
      return cellReader(find(reading.column), readNumber)
    case 'boolean':
      return cellReader(find(reading.column), readBoolean)
    case 'iso':
      return cellReader(find(reading.column), readIso)
  }
}

/** An empty cell says nothing, whatever the reader. */
const cellReader =
  (index: number, read: (cell: string) => unknown): Read =>
  cells => {
    const cell = cells[index]!
    return cell === '' ? null : read(cell)
  }

const decimalReader =
  (index: number): Read =>
  (cells, _, currency) => {
    const cell = cells[index]!
    if (cell === '') return null
    const exponent = currencyExponent(currency)
    if (exponent === undefined)
      throw new CellError(`the decimals of the currency ${JSON.stringify(currency)} are not known`)
    return readDecimal(cell, exponent)
  }

function matchCases(cell: string, cases: readonly Case[], otherwise: string | null): string | null {
  for (const { equals, endsWith, value } of cases) {
    if (equals === cell || (endsWith !== undefined && cell.endsWith(endsWith))) return value
  }
  return otherwise
}
