import { assert } from '../../../errors.ts'

// Kafka's messages as data. The tables in messages/ are written with these functions and compiled by compile.ts.

export type Scalar =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'int64'
  | 'float64'
  | 'string'
  | 'bytes'
  | 'records'
  | 'uuid'

export type Default = number | bigint | string | boolean | null

/** An inclusive range of versions; an empty one has `to < from`. */
export interface Versions {
  readonly from: number
  readonly to: number
}

export interface Field {
  readonly name: string
  readonly shape: 'scalar' | 'list' | 'struct'
  /** What it is, or what its elements are. */
  readonly type: Scalar | readonly Field[]
  readonly versions: Versions
  readonly nullable: Versions
  /** Undefined: zero, empty, false; the null of a uuid is all zeros. */
  readonly default: Default | undefined
  /** The number of a tagged field (KIP-482). Every field in our tables is tagged in all of its versions or in none. */
  readonly tag: number | undefined
}

export interface FieldOptions {
  /** The versions in which it may be null; true: in all of its own. */
  readonly nullable?: string | true
  readonly default?: Default
  readonly tag?: number
}

export interface Payload {
  readonly name: string
  readonly valid: Versions
  /** The versions with compact lengths and tagged fields (KIP-482). */
  readonly flexible: Versions
  readonly fields: readonly Field[]
}

export interface Message {
  readonly name: string
  readonly key: number
  readonly valid: Versions
  /** The latest version is not released: brokers offer it only when told to. */
  readonly unstable: boolean
  readonly flexible: Versions
  readonly request: readonly Field[]
  readonly response: readonly Field[]
}

const none: Versions = { from: 0, to: -1 }

/** `3+`, `0-2`, `4` or `none`, as Kafka's own definitions write it. */
export function parseVersions(text: string): Versions {
  if (text === 'none') return none
  const match = /^(\d+)(\+|-(\d+))?$/.exec(text)
  assert(match !== null, `"${text}" is no range of versions. Write 3+, 0-2, 4 or none.`)
  const from = Number(match[1])
  if (match[2] === undefined) return { from, to: from }
  return { from, to: match[2] === '+' ? Infinity : Number(match[3]) }
}

export const includes = (versions: Versions, version: number): boolean =>
  version >= versions.from && version <= versions.to

function define(
  name: string,
  shape: Field['shape'],
  type: Field['type'],
  versionsText: string,
  options: FieldOptions,
): Field {
  const versions = parseVersions(versionsText)
  const nullable = options.nullable === true ? versions : parseVersions(options.nullable ?? 'none')
  return { name, shape, type, versions, nullable, default: options.default, tag: options.tag }
}

export const field = (name: string, type: Scalar, versions = '0+', options: FieldOptions = {}): Field =>
  define(name, 'scalar', type, versions, options)

export const list = (
  name: string,
  element: Scalar | readonly Field[],
  versions = '0+',
  options: FieldOptions = {},
): Field => define(name, 'list', element, versions, options)

export const struct = (name: string, fields: readonly Field[], versions = '0+', options: FieldOptions = {}): Field =>
  define(name, 'struct', fields, versions, options)

/** A request and its response. */
export function message(
  name: string,
  key: number,
  versions: { readonly valid: string; readonly flexible: string; readonly unstable?: boolean },
  request: readonly Field[],
  response: readonly Field[],
): Message {
  const valid = parseVersions(versions.valid)
  const flexible = parseVersions(versions.flexible)
  return { name, key, valid, flexible, unstable: versions.unstable ?? false, request, response }
}

/** A structure that travels inside the bytes of another message, without a header. */
export function payload(
  name: string,
  versions: { readonly valid: string; readonly flexible: string },
  fields: readonly Field[],
): Payload {
  return { name, valid: parseVersions(versions.valid), flexible: parseVersions(versions.flexible), fields }
}
