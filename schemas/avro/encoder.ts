import type { ByteWriter } from '../bytes.ts'
import { defaultValue } from './resolve.ts'
import {
  branchName,
  SchemaError,
  type EnumShape,
  type MapShape,
  type RecordShape,
  type Shape,
  type UnionShape,
} from './shape.ts'
import { writers } from './writers.ts'

// Generates the writer of a schema: straight into the ByteWriter, with errors that name the field.

export type Encode = (value: unknown, out: ByteWriter) => void

export function generateEncoder(shape: Shape): Encode {
  const generator = new Generator()
  const body = generator.statement(shape, 'v', branchName(shape))
  const head = generator.constants.map((_, index) => `const K${index} = K[${index}]`).join('\n')
  const source = `'use strict'\n${head}\n${generator.source()}\nreturn (v, out) => { let x = 0; ${body} }`
  // Names in the source are those that parseShape has checked; symbols and defaults are passed as values.
  return new Function('h', 'K', source)(writers, generator.constants) as Encode
}

class Generator {
  readonly constants: unknown[] = []
  readonly #functions: string[] = []
  readonly #known = new Map<Shape, string>()

  source(): string {
    return this.#functions.join('\n')
  }

  /** Statements that write the value of the expression; `place` names it in errors. They may use the variable x. */
  statement(shape: Shape, value: string, place: string): string {
    const name = JSON.stringify(place)
    switch (shape.kind) {
      case 'null':
        return `if (${value} != null) throw h.refuse(${name}, ${value}, 'null'); `
      case 'enum':
        return `x = ${this.#enum(shape)}.get(${value})
  if (x === undefined) throw h.refuse(${name}, ${value}, 'a symbol of ${shape.names[0]!}')
  out.varint(x); `
      case 'fixed':
        return `h.fixed(out, ${value}, ${name}, ${shape.size}); `
      case 'union':
        return this.#union(shape, value, place)
      case 'record':
      case 'array':
      case 'map':
        return `${this.#function(shape, place)}(out, ${value}, ${name}); `
      default:
        return `h.${shape.kind}(out, ${value}, ${name}); `
    }
  }

  #union(shape: UnionShape, value: string, place: string): string {
    const branches = shape.branches.map((branch, index) => {
      const condition = conditions[bucketOf(branch)]!.replaceAll('$', value)
      return `if (${condition}) { out.u8(${index * 2}); ${this.statement(branch, value, place)}} else `
    })
    const wanted = shape.branches.map(branchName).join(' or ')
    return `${branches.join('')}throw h.refuse(${JSON.stringify(place)}, ${value}, '${wanted}'); `
  }

  #enum(shape: EnumShape): string {
    return this.#constant(new Map(shape.symbols.map((symbol, index) => [symbol, index])))
  }

  /** The name of the function (out, value, place) of a record, array or map. */
  #function(shape: Shape, place: string): string {
    const known = this.#known.get(shape)
    if (known !== undefined) return known
    const name = `write${this.#known.size}`
    this.#known.set(shape, name)
    this.#functions.push(`function ${name}(out, v, place) { let x; ${this.#body(shape, place)} }`)
    return name
  }

  #body(shape: Shape, place: string): string {
    switch (shape.kind) {
      case 'array':
        return `h.checkList(v, place)
  if (v.length > 0) out.varint(v.length)
  for (let i = 0; i < v.length; i++) { const item = v[i]; ${this.statement(shape.items, 'item', `${place}[]`)}}
  out.u8(0)`
      case 'map':
        return `const keys = h.keys(v, place)
  if (keys.length > 0) out.varint(keys.length)
  for (const key of keys) { h.string(out, key, place); const item = v[key]; ${this.#mapItem(shape, place)}}
  out.u8(0)`
      default:
        return `h.checkRecord(v, place); ${this.#fields(shape as RecordShape)}`
    }
  }

  #mapItem(shape: MapShape, place: string): string {
    return this.statement(shape.values, 'item', `${place}{}`)
  }

  #fields(shape: RecordShape): string {
    return shape.fields.map(field => this.#field(shape, field)).join('')
  }

  #field(record: RecordShape, field: RecordShape['fields'][number]): string {
    const local = `f_${field.name}`
    const place = `${record.names[0]!.split('.').at(-1)!}.${field.name}`
    const absent =
      field.fallback === undefined
        ? ''
        : `if (${local} === undefined) ${local} = ${this.#constant(defaultValue(field.shape, field.fallback))}; `
    return `let ${local} = v.${field.name}; ${absent}${this.statement(field.shape, local, place)}`
  }

  #constant(value: unknown): string {
    this.constants.push(value)
    return `K${this.constants.length - 1}`
  }
}

/** Branches of a union are told apart by what they are in JavaScript. */
const conditions: Readonly<Record<string, string>> = {
  null: '$ === null',
  boolean: "typeof $ === 'boolean'",
  number: "typeof $ === 'number'",
  text: "typeof $ === 'string'",
  bytes: '$ instanceof Uint8Array',
  list: 'Array.isArray($)',
  object: "typeof $ === 'object' && $ !== null && !Array.isArray($) && !($ instanceof Uint8Array)",
}

function bucketOf(shape: Shape): string {
  switch (shape.kind) {
    case 'null':
    case 'boolean':
      return shape.kind
    case 'string':
    case 'enum':
      return 'text'
    case 'bytes':
    case 'fixed':
      return 'bytes'
    case 'array':
      return 'list'
    case 'map':
    case 'record':
      return 'object'
    default:
      return 'number'
  }
}

/**
 * Throws a `SchemaError` for a schema that we read from others but cannot write, or whose defaults or names do not
 * fit.
 */
export function checkWritable(shape: Shape, seen = new Set<Shape>()): void {
  if (seen.has(shape)) return
  seen.add(shape)
  if (shape.kind === 'array') checkWritable(shape.items, seen)
  if (shape.kind === 'map') checkWritable(shape.values, seen)
  if (shape.kind === 'union') {
    const buckets = shape.branches.map(bucketOf)
    const twice = shape.branches.find((_, index) => buckets.indexOf(buckets[index]!) !== index)
    if (twice !== undefined) {
      throw new SchemaError(
        `The union of ${shape.branches.map(branchName).join(', ')} has branches that look the same in JavaScript. ` +
          'Wrap one of them in a record with a field of its own.',
      )
    }
    for (const branch of shape.branches) checkWritable(branch, seen)
  }
  if (shape.kind !== 'record') return
  for (const field of shape.fields) {
    if (['__proto__', 'constructor', 'prototype', 'toJSON'].includes(field.name)) {
      throw new SchemaError(
        `The record ${shape.names[0]!} has a field ${field.name}, which every JavaScript object has. Rename it.`,
      )
    }
    checkWritable(field.shape, seen)
    if (field.fallback !== undefined) defaultValue(field.shape, field.fallback)
  }
}
