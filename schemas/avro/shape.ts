// An Avro schema as a graph that code can be generated from. Names are checked here, and only here: whatever reaches a
// generator (S19: `new Function` is fed with identifiers only) has passed `identifier`.

/** A primitive type. `logical` is compared when a writer's schema is resolved to a reader's, and means nothing else. */
export interface PrimitiveShape {
  readonly kind: 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'
  readonly logical: string | null
}

export interface FixedShape {
  readonly kind: 'fixed'
  readonly names: readonly string[]
  readonly size: number
  readonly logical: string | null
}

export interface EnumShape {
  readonly kind: 'enum'
  /** The full name first, then the aliases. */
  readonly names: readonly string[]
  readonly symbols: readonly string[]
  /** What a reader takes for symbols that it does not know. */
  readonly fallback: string | null
}

export interface ArrayShape {
  readonly kind: 'array'
  readonly items: Shape
}

export interface MapShape {
  readonly kind: 'map'
  readonly values: Shape
}

export interface UnionShape {
  readonly kind: 'union'
  readonly branches: readonly Shape[]
}

export interface FieldShape {
  readonly name: string
  readonly aliases: readonly string[]
  readonly shape: Shape
  /** The default as JSON; undefined: there is none. */
  readonly fallback: unknown
}

export interface RecordShape {
  readonly kind: 'record'
  readonly names: readonly string[]
  readonly fields: readonly FieldShape[]
}

export type Shape = PrimitiveShape | FixedShape | EnumShape | ArrayShape | MapShape | UnionShape | RecordShape

/** A schema that is not Avro, or that we refuse: hostile names, too deep. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
}

const maximumDepth = 64
const primitives = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])

/** The shape of a schema given as JSON (an object, a name, an array of branches). */
export function parseShape(schema: unknown): Shape {
  return shapeOf(schema, { named: new Map(), namespace: '', depth: 0 })
}

interface Scope {
  readonly named: Map<string, Shape>
  readonly namespace: string
  readonly depth: number
}

function shapeOf(schema: unknown, scope: Scope): Shape {
  if (scope.depth > maximumDepth) throw new SchemaError(`The schema nests deeper than ${maximumDepth} levels.`)
  const inner = { ...scope, depth: scope.depth + 1 }
  if (typeof schema === 'string') return reference(schema, inner)
  if (Array.isArray(schema)) return union(schema, inner)
  if (typeof schema !== 'object' || schema === null) throw new SchemaError(`Not an Avro schema: ${show(schema)}.`)
  const type: unknown = property(schema, 'type')
  if (typeof type !== 'string') return shapeOf(type, inner)
  switch (type) {
    case 'record':
    case 'error':
      return record(schema, inner)
    case 'enum':
      return enumeration(schema, inner)
    case 'fixed':
      return fixed(schema, inner)
    case 'array':
      return { kind: 'array', items: shapeOf(property(schema, 'items'), inner) }
    case 'map':
      return { kind: 'map', values: shapeOf(property(schema, 'values'), inner) }
    default:
      return primitives.has(type)
        ? { kind: type as PrimitiveShape['kind'], logical: logicalOf(schema) }
        : reference(type, inner)
  }
}

function reference(name: string, scope: Scope): Shape {
  if (primitives.has(name)) return { kind: name as PrimitiveShape['kind'], logical: null }
  const found = scope.named.get(qualified(name, scope.namespace)) ?? scope.named.get(name)
  if (found === undefined)
    throw new SchemaError(`The schema refers to a type ${show(name)} that it does not define before.`)
  return found
}

function union(schema: readonly unknown[], scope: Scope): UnionShape {
  const branches = schema.map(branch => shapeOf(branch, scope))
  const seen = new Set<string>()
  for (const branch of branches) {
    const name = branchName(branch)
    if (branch.kind === 'union') throw new SchemaError('A union directly within a union.')
    if (seen.has(name)) throw new SchemaError(`A union with two branches of the type ${name}.`)
    seen.add(name)
  }
  if (branches.length === 0) throw new SchemaError('A union without branches.')
  return { kind: 'union', branches }
}

/** What tells the branches of a union apart: the full name, or the kind. */
export const branchName = (shape: Shape): string => ('names' in shape ? shape.names[0]! : shape.kind)

function record(schema: object, outer: Scope): RecordShape {
  const { names, namespace } = namesOf(schema, outer)
  const fields: FieldShape[] = []
  const shape: RecordShape = { kind: 'record', names, fields }
  define(names[0]!, shape, outer)
  const scope = { ...outer, namespace }
  const seen = new Set<string>()
  for (const field of list(schema, 'fields')) {
    if (typeof field !== 'object' || field === null) throw new SchemaError(`A field of ${names[0]!} is no object.`)
    const name = identifier(property(field, 'name'))
    if (seen.has(name)) throw new SchemaError(`The record ${names[0]!} has two fields ${name}.`)
    seen.add(name)
    const aliases = 'aliases' in field ? list(field, 'aliases').map(identifier) : []
    fields.push({ name, aliases, shape: shapeOf(property(field, 'type'), scope), fallback: property(field, 'default') })
  }
  return shape
}

function enumeration(schema: object, scope: Scope): EnumShape {
  const { names } = namesOf(schema, scope)
  const symbols = list(schema, 'symbols').map(identifier)
  if (symbols.length === 0 || new Set(symbols).size !== symbols.length) {
    throw new SchemaError(`The enum ${names[0]!} has no symbols, or one of them twice.`)
  }
  const fallback = property(schema, 'default')
  if (fallback !== undefined && !symbols.includes(fallback as string)) {
    throw new SchemaError(`The default of the enum ${names[0]!} is none of its symbols.`)
  }
  const shape: EnumShape = { kind: 'enum', names, symbols, fallback: (fallback as string | undefined) ?? null }
  define(names[0]!, shape, scope)
  return shape
}

function fixed(schema: object, scope: Scope): FixedShape {
  const { names } = namesOf(schema, scope)
  const size = property(schema, 'size')
  if (!Number.isInteger(size) || (size as number) < 0 || (size as number) > 1 << 20) {
    throw new SchemaError(`The size of the fixed type ${names[0]!} is not a whole number up to 1 MiB.`)
  }
  const shape: FixedShape = { kind: 'fixed', names, size: size as number, logical: logicalOf(schema) }
  define(names[0]!, shape, scope)
  return shape
}

function define(name: string, shape: Shape, scope: Scope): void {
  if (scope.named.has(name)) throw new SchemaError(`The schema defines the type ${name} twice.`)
  scope.named.set(name, shape)
}

function namesOf(schema: object, scope: Scope): { names: string[]; namespace: string } {
  const given = property(schema, 'namespace')
  if (given !== undefined && typeof given !== 'string') throw new SchemaError('A namespace that is no text.')
  const name = qualified(fullName(property(schema, 'name')), given ?? scope.namespace)
  fullName(name)
  const namespace = name.slice(0, Math.max(0, name.lastIndexOf('.')))
  const aliases = 'aliases' in schema ? list(schema, 'aliases') : []
  return { names: [name, ...aliases.map(alias => qualified(fullName(alias), namespace))], namespace }
}

const qualified = (name: string, namespace: string): string =>
  name.includes('.') || namespace === '' ? name : `${namespace}.${name}`

/** A name that may stand in generated code. */
function identifier(name: unknown): string {
  if (typeof name !== 'string' || !/^[A-Za-z_][A-Za-z0-9_]{0,254}$/.test(name)) {
    throw new SchemaError(`${show(name)} is no Avro name: letters, digits and _ only, no digit first.`)
  }
  return name
}

function fullName(name: unknown): string {
  if (typeof name !== 'string') throw new SchemaError(`A named type without a name, but ${show(name)}.`)
  for (const part of name.split('.')) identifier(part)
  return name
}

/** The logical type with what makes two of them differ: a decimal's precision and scale. */
function logicalOf(schema: object): string | null {
  const logical = property(schema, 'logicalType')
  if (typeof logical !== 'string') return null
  if (logical !== 'decimal') return logical
  return `decimal(${Number(property(schema, 'precision'))},${Number(property(schema, 'scale') ?? 0)})`
}

function list(schema: object, name: string): unknown[] {
  const value = property(schema, name)
  if (!Array.isArray(value)) throw new SchemaError(`"${name}" is no list, but ${show(value)}.`)
  return value
}

const property = (schema: object, name: string): unknown =>
  Object.hasOwn(schema, name) ? (schema as Record<string, unknown>)[name] : undefined

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 80)}...` : text
}
