import { canonicalText } from './canonical.ts'
import { checkWritable, generateEncoder, type Encode } from './encoder.ts'
import { resolve } from './resolve.ts'
import { branchName, parseShape, type Shape } from './shape.ts'
import { generateReader, type Reader } from './views.ts'

const maximumReaders = 256

/** A schema of ours with its generated code: one writer, and one reader for each layout that others have written. */
export class AvroType {
  /** The short name of the record, or the kind. */
  readonly name: string
  /** The schema as JSON, as it is registered. */
  readonly text: string
  readonly encode: Encode
  /** The reader of what this type writes. */
  readonly own: Reader
  readonly #shape: Shape
  readonly #readers = new Map<string, Reader>()

  private constructor(text: string, shape: Shape) {
    checkWritable(shape)
    this.text = text
    this.name = branchName(shape).split('.').at(-1)!
    this.#shape = shape
    this.encode = generateEncoder(shape)
    this.own = this.readerOf(text)
  }

  /** The one type of this schema: views of a payment are of one class, wherever the schema is named. */
  static of(schema: object | string): AvroType {
    const parsed: unknown = typeof schema === 'string' && /^\s*[[{"]/.test(schema) ? JSON.parse(schema) : schema
    const text = JSON.stringify(parsed)
    let type = types.get(text)
    if (type === undefined) types.set(text, (type = new AvroType(text, parseShape(parsed))))
    return type
  }

  /** The reader for bytes of this writer's schema. Throws when it is no Avro, or cannot be read as this type. */
  readerOf(writerText: string): Reader {
    const writer = parseShape(JSON.parse(writerText))
    const layout = canonicalText(writer)
    const known = this.#readers.get(layout)
    if (known !== undefined) return known
    const reader = generateReader(resolve(writer, this.#shape))
    this.#readers.set(layout, reader)
    if (this.#readers.size > maximumReaders) this.#readers.delete(this.#readers.keys().next().value!)
    return reader
  }
}

const types = new Map<string, AvroType>()
