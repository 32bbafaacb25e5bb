import { Buffer } from 'node:buffer'
import {
  branchName,
  SchemaError,
  type EnumShape,
  type FieldShape,
  type PrimitiveShape,
  type RecordShape,
  type Shape,
} from './shape.ts'

// Schema resolution (Avro 1.11, "Schema Resolution"): how bytes of a writer's schema become values of the reader's.
// The plan follows the writer's layout; generated code follows the plan.

export type Plan =
  | {
      op:
        | 'null'
        | 'boolean'
        | 'int'
        | 'long'
        | 'float'
        | 'double'
        | 'string'
        | 'bytes'
        | 'stringAsBytes'
        | 'bytesAsString'
    }
  | { op: 'fixed'; readonly size: number }
  /** The reader's symbol for each of the writer's; undefined: the reader has none. */
  | { op: 'enum'; readonly name: string; readonly symbols: readonly (string | undefined)[] }
  | { op: 'array'; readonly items: Plan }
  | { op: 'map'; readonly values: Plan }
  | { op: 'union'; readonly branches: readonly Plan[] }
  | RecordPlan
  /** What the reader cannot take: fails when such bytes come. */
  | { op: 'refuse'; readonly message: string }

export interface RecordPlan {
  op: 'record'
  readonly name: string
  /** In the order of the bytes; a name of null: read past. */
  readonly fields: { readonly name: string | null; readonly plan: Plan }[]
  /** Fields of the reader that the writer does not have. */
  readonly defaults: { readonly name: string; readonly value: unknown }[]
  /** The names of the reader's fields in its order. */
  readonly order: readonly string[]
}

/** How bytes of `writer` are read as `reader`. Throws a `SchemaError` when no value of the writer could be. */
export function resolve(writer: Shape, reader: Shape): Plan {
  const plan = resolveShape(writer, reader, new Map())
  if (plan.op === 'refuse') throw new SchemaError(plan.message)
  return plan
}

type Known = Map<Shape, Map<Shape, Plan>>

function resolveShape(writer: Shape, reader: Shape, known: Known): Plan {
  if (writer.kind === 'union') {
    const branches = writer.branches.map(branch => resolveShape(branch, reader, known))
    return branches.every(({ op }) => op === 'refuse') ? branches[0]! : { op: 'union', branches }
  }
  if (reader.kind === 'union') return resolveToUnion(writer, reader.branches, known)
  if (writer.kind === 'record' && reader.kind === 'record') return resolveRecord(writer, reader, known)
  if (writer.kind === 'enum' && reader.kind === 'enum') return resolveEnum(writer, reader)
  if (writer.kind === 'array' && reader.kind === 'array') {
    const items = resolveShape(writer.items, reader.items, known)
    return items.op === 'refuse' ? items : { op: 'array', items }
  }
  if (writer.kind === 'map' && reader.kind === 'map') {
    const values = resolveShape(writer.values, reader.values, known)
    return values.op === 'refuse' ? values : { op: 'map', values }
  }
  if (
    'logical' in writer &&
    'logical' in reader &&
    writer.logical !== null &&
    reader.logical !== null &&
    writer.logical !== reader.logical
  ) {
    return { op: 'refuse', message: `${writer.logical} cannot be read as ${reader.logical}.` }
  }
  if (writer.kind === 'fixed' && reader.kind === 'fixed' && writer.size === reader.size && namesMeet(writer, reader)) {
    return { op: 'fixed', size: writer.size }
  }
  const op = primitiveOp(writer, reader)
  return op ?? { op: 'refuse', message: `${branchName(writer)} cannot be read as ${branchName(reader)}.` }
}

const promotions: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
}

function primitiveOp(writer: Shape, reader: Shape): Plan | null {
  if (writer.kind === 'string' && reader.kind === 'bytes') return { op: 'stringAsBytes' }
  if (writer.kind === 'bytes' && reader.kind === 'string') return { op: 'bytesAsString' }
  const fits = writer.kind === reader.kind || (promotions[writer.kind]?.includes(reader.kind) ?? false)
  return fits && isPrimitive(writer) ? { op: writer.kind } : null
}

const isPrimitive = (shape: Shape): shape is PrimitiveShape =>
  !['fixed', 'enum', 'array', 'map', 'union', 'record'].includes(shape.kind)

/** The same type first, as Java does; then the first that can take it. */
function resolveToUnion(writer: Shape, branches: readonly Shape[], known: Known): Plan {
  const same = branches.filter(branch => branchName(branch) === branchName(writer))
  for (const branch of [...same, ...branches]) {
    const plan = resolveShape(writer, branch, known)
    if (plan.op !== 'refuse') return plan
  }
  return {
    op: 'refuse',
    message: `${branchName(writer)} is in none of the reader's branches ${branches.map(branchName).join(', ')}.`,
  }
}

function resolveEnum(writer: EnumShape, reader: EnumShape): Plan {
  if (!namesMeet(writer, reader))
    return { op: 'refuse', message: `The enum ${writer.names[0]!} cannot be read as ${reader.names[0]!}.` }
  const symbols = writer.symbols.map(symbol =>
    reader.symbols.includes(symbol) ? symbol : (reader.fallback ?? undefined),
  )
  return { op: 'enum', name: writer.names[0]!, symbols }
}

function resolveRecord(writer: RecordShape, reader: RecordShape, known: Known): Plan {
  if (!namesMeet(writer, reader))
    return { op: 'refuse', message: `The record ${writer.names[0]!} cannot be read as ${reader.names[0]!}.` }
  const found = known.get(writer)?.get(reader)
  if (found !== undefined) return found
  const plan: RecordPlan = {
    op: 'record',
    name: reader.names[0]!,
    fields: [],
    defaults: [],
    order: reader.fields.map(({ name }) => name),
  }
  if (!known.has(writer)) known.set(writer, new Map())
  known.get(writer)!.set(reader, plan)
  const message = fillRecord(plan, writer, reader, known)
  // Records that refer to themselves hold this very object already: it is turned, not replaced.
  return message === null ? plan : Object.assign(plan as object, { op: 'refuse' as const, message })
}

/** Fills the plan's fields; what makes the record unreadable, or null. */
function fillRecord(plan: RecordPlan, writer: RecordShape, reader: RecordShape, known: Known): string | null {
  const taken = new Map<FieldShape, FieldShape>()
  for (const field of reader.fields) {
    const candidates = [field.name, ...field.aliases].map(name => writer.fields.find(each => each.name === name))
    const source = candidates.find(each => each !== undefined && !taken.has(each))
    if (source !== undefined) taken.set(source, field)
    else if (field.fallback === undefined)
      return `${writer.names[0]!} has no field ${field.name}, and the reader has no default for it.`
    else plan.defaults.push({ name: field.name, value: defaultValue(field.shape, field.fallback) })
  }
  for (const source of writer.fields) {
    const target = taken.get(source)
    const inner = resolveShape(source.shape, target === undefined ? source.shape : target.shape, known)
    if (inner.op === 'refuse') return `Field ${source.name}: ${inner.message}`
    plan.fields.push({ name: target?.name ?? null, plan: inner })
  }
  return null
}

/** By full name or alias; else by the name without its namespace, as Java's resolver is content with. */
function namesMeet(
  writer: { readonly names: readonly string[] },
  reader: { readonly names: readonly string[] },
): boolean {
  const short = (name: string): string => name.slice(name.lastIndexOf('.') + 1)
  return reader.names.includes(writer.names[0]!) || short(reader.names[0]!) === short(writer.names[0]!)
}

/** The value of a default given as JSON, frozen: every record without the field shares it. */
export function defaultValue(shape: Shape, json: unknown): unknown {
  switch (shape.kind) {
    case 'union': {
      const fits = shape.branches.find(branch => isDefault(branch, json))
      if (fits === undefined) throw badDefault(shape, json)
      return defaultValue(fits, json)
    }
    case 'record': {
      const entries = shape.fields.map(field => {
        const given = Object.hasOwn(json as object, field.name)
          ? (json as Record<string, unknown>)[field.name]
          : field.fallback
        return [field.name, defaultValue(field.shape, given)]
      })
      return Object.freeze(Object.fromEntries(entries))
    }
    case 'array':
      if (!Array.isArray(json)) throw badDefault(shape, json)
      return Object.freeze(json.map(item => defaultValue(shape.items, item)))
    case 'map': {
      if (!isDefault(shape, json)) throw badDefault(shape, json)
      const map: Record<string, unknown> = Object.create(null)
      for (const [key, value] of Object.entries(json as object)) map[key] = defaultValue(shape.values, value)
      return Object.freeze(map)
    }
    case 'bytes':
    case 'fixed':
      if (!isDefault(shape, json)) throw badDefault(shape, json)
      return Buffer.from(json as string, 'latin1')
    default:
      if (!isDefault(shape, json)) throw badDefault(shape, json)
      return json
  }
}

function isDefault(shape: Shape, json: unknown): boolean {
  switch (shape.kind) {
    case 'null':
      return json === null
    case 'boolean':
    case 'string':
      return typeof json === shape.kind
    case 'int':
      return ((json as number) | 0) === json
    case 'long':
      return Number.isSafeInteger(json)
    case 'float':
    case 'double':
      return typeof json === 'number'
    case 'bytes':
      return typeof json === 'string'
    case 'fixed':
      return typeof json === 'string' && json.length === shape.size
    case 'enum':
      return shape.symbols.includes(json as string)
    case 'array':
      return Array.isArray(json)
    case 'map':
    case 'record':
      return typeof json === 'object' && json !== null && !Array.isArray(json)
    case 'union':
      return shape.branches.some(branch => isDefault(branch, json))
  }
}

const badDefault = (shape: Shape, json: unknown): SchemaError =>
  new SchemaError(`The default ${JSON.stringify(json) ?? 'nothing'} is no ${branchName(shape)}.`)
