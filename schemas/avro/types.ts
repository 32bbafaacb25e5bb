import { parseShape, type EnumShape, type RecordShape, type Shape } from './shape.ts'

/**
 * The TypeScript types of Avro records: an interface for each record and a union of texts for each enum, in the order
 * in which the schemas define them. Named without their namespace; two types of one name are refused.
 */
export function generateTypes(schemas: readonly object[]): string {
  const named = new Map<string, string>()
  const seen = new Set<Shape>()
  for (const schema of schemas) declare(parseShape(schema), docsOf(schema), named, seen)
  return [...named.values()].join('\n')
}

function declare(shape: Shape, docs: ReadonlyMap<string, string>, named: Map<string, string>, seen: Set<Shape>): void {
  if (seen.has(shape)) return
  seen.add(shape)
  switch (shape.kind) {
    case 'array':
      return declare(shape.items, docs, named, seen)
    case 'map':
      return declare(shape.values, docs, named, seen)
    case 'union':
      for (const branch of shape.branches) declare(branch, docs, named, seen)
      return
    case 'enum':
      return add(shape, enumText(shape), named)
    case 'record':
      for (const field of shape.fields) declare(field.shape, docs, named, seen)
      return add(shape, recordText(shape, docs), named)
    default:
      return
  }
}

function add(shape: EnumShape | RecordShape, text: string, named: Map<string, string>): void {
  const name = shortName(shape.names[0]!)
  const old = named.get(name)
  if (old !== undefined && old !== text) throw new Error(`Two different types are named ${name}. Rename one of them.`)
  named.set(name, text)
}

function enumText(shape: EnumShape): string {
  const symbols = shape.symbols.map(symbol => `'${symbol}'`)
  const line = `export type ${shortName(shape.names[0]!)} = ${symbols.join(' | ')}\n`
  // With its line end.
  return line.length <= 121
    ? line
    : `export type ${shortName(shape.names[0]!)} =\n${symbols.map(symbol => `  | ${symbol}\n`).join('')}`
}

function recordText(shape: RecordShape, docs: ReadonlyMap<string, string>): string {
  const name = shortName(shape.names[0]!)
  const fields = shape.fields.map(field => {
    const doc = docs.get(`${name}.${field.name}`)
    const comment = doc === undefined ? '' : `  /** ${doc.replace(/\.*$/, '.')} */\n`
    return `${comment}  readonly ${field.name}: ${typeText(field.shape)}\n`
  })
  const doc = docs.get(name)
  return `${doc === undefined ? '' : `/** ${doc} */\n`}export interface ${name} {\n${fields.join('')}}\n`
}

function typeText(shape: Shape): string {
  switch (shape.kind) {
    case 'null':
    case 'boolean':
    case 'string':
      return shape.kind
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return 'number'
    case 'bytes':
    case 'fixed':
      return 'Buffer'
    case 'array':
      return shape.items.kind === 'union'
        ? `readonly (${typeText(shape.items)})[]`
        : `readonly ${typeText(shape.items)}[]`
    case 'map':
      return `Readonly<Record<string, ${typeText(shape.values)}>>`
    case 'union':
      // "T | null" reads better than "null | T".
      return [...shape.branches]
        .sort((a, b) => Number(a.kind === 'null') - Number(b.kind === 'null'))
        .map(typeText)
        .join(' | ')
    default:
      return shortName(shape.names[0]!)
  }
}

const shortName = (name: string): string => name.slice(name.lastIndexOf('.') + 1)

/** The `doc` texts of records (`Payment`) and fields (`Payment.type`), which a shape leaves out. */
function docsOf(schema: unknown, docs = new Map<string, string>()): ReadonlyMap<string, string> {
  if (Array.isArray(schema)) for (const branch of schema) docsOf(branch, docs)
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return docs
  const { type, name, doc, fields, items, values } = schema as Record<string, unknown>
  if (type === 'record' && typeof doc === 'string') docs.set(String(name), doc)
  for (const field of Array.isArray(fields) ? fields : []) {
    if (typeof field.doc === 'string') docs.set(`${String(name)}.${String(field.name)}`, field.doc)
    docsOf(field.type, docs)
  }
  for (const inner of [type, items, values]) if (typeof inner === 'object') docsOf(inner, docs)
  return docs
}
