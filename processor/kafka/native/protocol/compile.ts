import { assert } from '../../../errors.ts'
import { includes, type Field, type Scalar } from './define.ts'
import type { Reader } from './reader.ts'
import { decodeLength, encodeLength, nullRefused, refuse, scalarCodec, zeroOf, type Codec } from './scalars.ts'
import { Writer } from './writer.ts'

// Turns the table of a message into an encoder and a decoder of one version, as closures.

type Struct = Record<string, unknown>

interface Context {
  readonly version: number
  readonly flexible: boolean
  readonly where: string
}

interface Member extends Codec {
  readonly name: string
  readonly tag: number | undefined
  /** In this version of the message. */
  readonly present: boolean
  readonly initial: () => unknown
  /** Tagged fields that say nothing new are not sent. */
  readonly unsaid: (value: unknown) => boolean
}

const isScalar = (type: Scalar | readonly Field[]): type is Scalar => typeof type === 'string'

/**
 * What a field is when nobody says: its default; else zero or empty; but null for structs, and for strings and bytes
 * that may be null.
 */
function initialOf(field: Field, version: number): () => unknown {
  const present = includes(field.versions, version)
  const nullable = present ? includes(field.nullable, version) : field.nullable.to >= field.nullable.from
  if (field.default !== undefined && (field.default !== null || nullable)) return () => field.default
  if (field.shape === 'list') return () => []
  if (!isScalar(field.type)) return () => null
  const zero = zeroOf(field.type)
  return nullable ? () => null : () => zero
}

function listCodec(element: Codec, context: Context, nullable: boolean): Codec {
  const { flexible, where } = context
  return {
    encode(writer, value) {
      if (value === null) {
        if (!nullable) refuse(`${where} may not be null in this version.`)
        encodeLength(writer, -1, flexible, true)
        return
      }
      if (!Array.isArray(value)) refuse(`${where} is a list, not ${typeof value}.`)
      encodeLength(writer, value.length, flexible, true)
      for (const item of value) element.encode(writer, item)
    },
    decode(reader) {
      const length = decodeLength(reader, flexible, true)
      if (length < 0) return nullable ? null : nullRefused(where)
      const items: unknown[] = []
      for (let i = 0; i < length; i++) items.push(element.decode(reader))
      return items
    },
  }
}

function codecOf(field: Field, context: Context): Codec {
  const nullable = includes(field.nullable, context.version)
  const inList = field.shape === 'list'
  const { flexible, where } = context
  const element = isScalar(field.type)
    ? scalarCodec(field.type, { flexible, nullable: nullable && !inList, where })
    : structCodec(field.type, context)
  if (inList) return listCodec(element, context, nullable)
  assert(isScalar(field.type) || !nullable, `${where} is a nullable struct, which no message of ours has so far.`)
  return element
}

function memberOf(field: Field, outer: Context): Member {
  const initial = initialOf(field, outer.version)
  const standard = initial()
  const context = { ...outer, where: `${outer.where}.${field.name}` }
  const present = includes(field.versions, outer.version)
  const codec = present ? codecOf(field, context) : { encode: absent, decode: initial }
  return {
    ...codec,
    name: field.name,
    tag: field.tag,
    present,
    initial,
    unsaid: value => value === standard || (field.shape === 'list' && Array.isArray(value) && value.length === 0),
  }
}

function absent(): void {}

function encodeTagged(writer: Writer, tagged: readonly Member[], struct: Struct): void {
  const said = tagged.filter(member => {
    const value = struct[member.name]
    return value !== undefined && !member.unsaid(value)
  })
  writer.uvarint(said.length)
  for (const member of said) {
    const inner = new Writer()
    member.encode(inner, struct[member.name])
    writer.uvarint(member.tag!)
    writer.uvarint(inner.length)
    for (const chunk of inner.chunks()) writer.raw(chunk)
  }
}

/** Reads the tagged fields that are known into `struct`, and skips the others. */
function decodeTagged(reader: Reader, tagged: readonly Member[], struct: Struct): void {
  for (let rest = reader.uvarint(); rest > 0; rest--) {
    const tag = reader.uvarint()
    const size = reader.uvarint()
    const end = reader.position + size
    const member = tagged.find(candidate => candidate.tag === tag)
    if (member !== undefined) struct[member.name] = member.decode(reader)
    // A newer version may have added something at the end of a tagged struct.
    reader.skip(end - reader.position)
  }
}

/** The codec of one structure in one version; `where` names it in errors. */
export function structCodec(fields: readonly Field[], context: Context): Codec {
  const { flexible, where } = context
  const members = fields.map(field => memberOf(field, context))
  const known = new Set(members.map(({ name }) => name))
  const plain = members.filter(({ present, tag }) => present && tag === undefined)
  const tagged = members.filter(({ present, tag }) => present && tag !== undefined).toSorted((a, b) => a.tag! - b.tag!)
  return {
    encode(writer, value) {
      if (typeof value !== 'object' || value === null) refuse(`${where} is an object, not ${String(value)}.`)
      const struct = value as Struct
      // A misspelt name would be sent as the field's default without a word.
      for (const name in struct) if (!known.has(name)) refuse(`${where} has no field ${name}.`)
      for (const member of plain) {
        const said = struct[member.name]
        member.encode(writer, said === undefined ? member.initial() : said)
      }
      if (flexible) encodeTagged(writer, tagged, struct)
    },
    decode(reader) {
      const struct: Struct = {}
      for (const member of members) {
        struct[member.name] = member.present && member.tag === undefined ? member.decode(reader) : member.initial()
      }
      if (flexible) decodeTagged(reader, tagged, struct)
      return struct
    },
  }
}
