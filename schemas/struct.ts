import type { ByteWriter } from './bytes.ts'
import type { Serde } from './serde.ts'
import { fieldHelpers } from './struct-fields.ts'

/** One field of a struct. Made by `int64Field()` and its like. */
export interface StructField<T> {
  readonly kind: 'int32' | 'int64' | 'float64' | 'boolean' | 'bigint' | 'text' | 'serde' | 'list'
  readonly optional: boolean
  /** Of `serdeField` and `listField`. */
  readonly serde: Serde<any> | null
  readonly __t?: T
}

export type StructFields = Readonly<Record<string, StructField<any>>>

type TypeOf<F> = F extends StructField<infer T> ? T : never

/** What a struct holds. Properties can be changed: states are folded in place. */
export type StructOf<F extends StructFields> = { [K in keyof F]: TypeOf<F[K]> }

const plain = <T>(kind: StructField<T>['kind']): StructField<T> => ({ kind, optional: false, serde: null })

/** A signed integer in 4 bytes. */
export const int32Field = (): StructField<number> => plain('int32')
/** A safe integer in 8 bytes. */
export const int64Field = (): StructField<number> => plain('int64')
export const float64Field = (): StructField<number> => plain('float64')
export const booleanField = (): StructField<boolean> => plain('boolean')
/** An integer of any size, 8 bytes and 2 for most. */
export const bigintField = (): StructField<bigint> => plain('bigint')
export const textField = (): StructField<string> => plain('text')
/** Anything that has a serde, another struct for one. */
export const serdeField = <T>(serde: Serde<T>): StructField<T> => ({ kind: 'serde', optional: false, serde })
/** A list of what `serde` writes. */
export const listField = <T>(serde: Serde<T>): StructField<T[]> => ({ kind: 'list', optional: false, serde })
/** The field, or null. */
export const optional = <T>(field: StructField<T>): StructField<T | null> => ({ ...field, optional: true })

const fixedSizes: Readonly<Record<string, number>> = { int32: 4, int64: 8, float64: 8, boolean: 1 }
const capital: Readonly<Record<string, string>> = {
  int32: 'Int32',
  int64: 'Int64',
  float64: 'Float64',
  boolean: 'Boolean',
  bigint: 'Bigint',
  text: 'Text',
  serde: 'Serde',
  list: 'List',
}

/**
 * A codec for a small record of known fields, generated once: states, changelog values, remembered events. Layout:
 * the version in a byte, the fields of fixed size in the order of their definition, then the others. An optional
 * field has a byte in front that tells whether it is there. Bytes of another version are refused: give a changed
 * struct another one.
 */
export function struct<const F extends StructFields>(
  fields: F,
  options: { version?: number } = {},
): Serde<StructOf<F>> {
  const version = options.version ?? 1
  if (!Number.isInteger(version) || version < 0 || version > 255)
    throw new RangeError(`A struct's version is a whole number up to 255, not ${version}.`)
  const names = Object.keys(fields)
  for (const name of names) checkName(name)
  const isFixed = (name: string): boolean => fixedSizes[fields[name]!.kind] !== undefined
  const fixed = names.filter(isFixed)
  const sized = names.filter(name => !isFixed(name))
  const source = `'use strict'
return {
  write(value, out) {
${writeSource(fields, fixed, sized, version)}
  },
  read(bytes, start, end) {
${readSource(fields, names, fixed, sized, version)}
  },
}`
  const serdes = names.map(name => fields[name]!.serde)
  // The source is made of checked names and of numbers, never of data.
  const codec = new Function('h', 'serdes', 'names', source)(fieldHelpers, serdes, names) as {
    write(value: StructOf<F>, out: ByteWriter): void
    read: Serde<StructOf<F>>['read']
  }
  return { name: `struct(${names.join(', ')})`, write: codec.write, read: codec.read }

  function writeSource(all: StructFields, fixedNames: string[], sizedNames: string[], leading: number): string {
    const lines = [
      `const bytes = out.reserve(${1 + fixedSize(all, fixedNames)})`,
      'let at = out.length',
      `bytes[at++] = ${leading}`,
    ]
    for (const name of fixedNames) {
      const put = `at = h.put${capital[all[name]!.kind]!}(bytes, at, value.${name}, names[${names.indexOf(name)}])`
      const size = 1 + fixedSizes[all[name]!.kind]!
      const absent = `{ bytes.fill(0, at, at + ${size}); at += ${size} }`
      lines.push(all[name]!.optional ? `if (value.${name} === null) ${absent} else { bytes[at++] = 1; ${put} }` : put)
    }
    lines.push('out.length = at')
    for (const name of sizedNames) {
      const index = names.indexOf(name)
      const put = `h.put${capital[all[name]!.kind]!}(out, value.${name}, names[${index}], serdes[${index}])`
      lines.push(all[name]!.optional ? `if (value.${name} === null) out.u8(0); else { out.u8(1); ${put} }` : put)
    }
    return lines.map(line => `    ${line}`).join('\n')
  }
}

function readSource(fields: StructFields, names: string[], fixed: string[], sized: string[], version: number): string {
  const size = 1 + fixedSize(fields, fixed)
  const lines = [`h.checkHead(bytes, start, end, ${version}, ${size})`]
  let at = 1
  for (const name of fixed) {
    const { kind, optional: isOptional } = fields[name]!
    const get = `h.get${capital[kind]!}(bytes, start + ${at + (isOptional ? 1 : 0)})`
    lines.push(
      `const ${variable(names, name)} = ${isOptional ? `h.present(bytes, start + ${at}, end) ? ${get} : null` : get}`,
    )
    at += fixedSizes[kind]! + (isOptional ? 1 : 0)
  }
  if (sized.length > 0) lines.push(`const cursor = h.cursor`, `cursor.at = start + ${size}`)
  for (const name of sized) {
    const { kind, optional: isOptional } = fields[name]!
    const get = `h.get${capital[kind]!}(bytes, end, serdes[${names.indexOf(name)}])`
    lines.push(
      `const ${variable(names, name)} = ${isOptional ? `h.present(bytes, cursor.at++, end) ? ${get} : null` : get}`,
    )
  }
  lines.push(sized.length > 0 ? 'h.checkEnd(cursor.at, end)' : `h.checkEnd(start + ${size}, end)`)
  lines.push(`return { ${names.map(name => `${name}: ${variable(names, name)}`).join(', ')} }`)
  return lines.map(line => `    ${line}`).join('\n')
}

const variable = (names: string[], name: string): string => `x${names.indexOf(name)}`

const fixedSize = (fields: StructFields, names: readonly string[]): number =>
  names.reduce((sum, name) => sum + fixedSizes[fields[name]!.kind]! + (fields[name]!.optional ? 1 : 0), 0)

function checkName(name: string): void {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || name === '__proto__') {
    throw new TypeError(`${JSON.stringify(name)} cannot name a field of a struct. Use letters, digits and _.`)
  }
}
