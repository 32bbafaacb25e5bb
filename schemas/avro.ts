import type { Buffer } from 'node:buffer'
import { schemaCacheOf, type SchemaCache } from './avro/schema-cache.ts'
import { AvroType } from './avro/type.ts'
import type { Reader } from './avro/views.ts'
import type { ByteWriter } from './bytes.ts'
import { DecodeError, EncodeError, NotReady, type Serde, type SerdePlace } from './serde.ts'

export { plain } from './avro/plain.ts'

/**
 * Avro in the Confluent wire format: a byte 0, the id of the writer's schema in 4 bytes, the value. `schema` is the
 * content of an .avsc file; `T` is what it describes (`schemas/avro/types.ts` derives it).
 *
 * Records are read as **lazy views**: their structure is checked at once, their texts and inner records are decoded
 * on first use. A view cannot be changed or spread; `plain(view)` gives ordinary objects. Written, views and plain
 * objects do alike.
 *
 * Reading resolves the writer's schema to this one (Avro 1.11: defaults, aliases, promotions, the default of an
 * enum). Throws `DecodeError` with ERR_EMPTY (no bytes), ERR_FRAME (no frame), ERR_SCHEMA (an id that the registry
 * does not know, that is no Avro, that belongs to another subject or cannot be resolved), ERR_DECODE (anything else),
 * and `NotReady` for an id that has yet to be asked for. A refused id is asked for again after 100 records.
 *
 * Numbers of the type `long` are safe integers, both ways. Defined badly (hostile names, defaults that do not fit,
 * unions whose branches look alike in JavaScript) it throws a `SchemaError` at once.
 */
export function avro<T>(schema: object | string): Serde<T> {
  const type = AvroType.of(schema)
  const name = `avro(${type.name})`
  const unbound = (): never => {
    throw new Error(
      `${name} is not bound to a topic and its schema registry yet: await bind(place), and use what it gives.`,
    )
  }
  return {
    name,
    write: unbound,
    read: unbound,
    bind: async place => {
      const cache = schemaCacheOf(place.registry)
      const subject = `${place.topic}-${place.part}`
      const id = place.writes ? await cache.register(subject, type.text) : null
      return new BoundAvro<T>(name, type, subject, cache, id)
    },
  }
}

class BoundAvro<T> implements Serde<T> {
  readonly name: string
  readonly #type: AvroType
  readonly #subject: string
  readonly #cache: SchemaCache
  /** What this serde writes with; null where it only reads. */
  readonly #id: number | null
  readonly #readers = new Map<number, Reader['read']>()
  // The schema of the last record: nearly always that of the next.
  #lastId = 0
  #lastRead: Reader['read'] = () => undefined

  constructor(name: string, type: AvroType, subject: string, cache: SchemaCache, id: number | null) {
    this.name = name
    this.#type = type
    this.#subject = subject
    this.#cache = cache
    this.#id = id
  }

  /** The same serde for another place of the same schema. */
  bind(place: SerdePlace): Promise<Serde<T>> {
    return avro<T>(this.#type.text).bind!(place)
  }

  write(value: T, out: ByteWriter): void {
    if (this.#id === null) throw new EncodeError(`${this.name} was bound to ${this.#subject} for reading only.`)
    const start = out.length
    out.u8(0)
    out.i32(this.#id)
    try {
      const { view } = this.#type.own
      // A view of these very bytes is what there is to write.
      if (view !== null && value instanceof view) out.raw(value.$b, value.$p, value.$e)
      else this.#type.encode(value, out)
    } catch (error) {
      out.length = start
      if (error instanceof EncodeError) throw error
      throw new EncodeError(
        `${this.name} cannot write the value: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      )
    }
  }

  read(bytes: Buffer, start: number, end: number): T {
    if (end - start < 5 || bytes[start] !== 0) throw frameError(bytes, start, end)
    const id = (bytes[start + 1]! << 24) | (bytes[start + 2]! << 16) | (bytes[start + 3]! << 8) | bytes[start + 4]!
    if (id !== this.#lastId || id === 0) {
      this.#lastRead = this.#readers.get(id) ?? this.#readerOf(id)
      this.#lastId = id
    }
    return this.#lastRead(bytes, start + 5, end) as T
  }

  #readerOf(id: number): Reader['read'] {
    if (id <= 0) throw new DecodeError('ERR_SCHEMA', `${id} is no schema id.`)
    const answer = this.#cache.get(id, this.#subject)
    if (answer === undefined) throw new NotReady(`The schema ${id} of ${this.#subject}`, () => this.#cache.fetch(id))
    if (answer.kind === 'other') throw new DecodeError('ERR_SCHEMA', `The schema ${id} is no Avro, but ${answer.type}.`)
    if (answer.kind === 'unknown') {
      this.#cache.refused(id)
      throw new DecodeError('ERR_SCHEMA', `The registry does not know the schema ${id}.`)
    }
    // A registry that cannot tell the subjects of an id is not held against the record.
    if (answer.subjects.length > 0 && !answer.subjects.includes(this.#subject)) {
      this.#cache.refused(id)
      throw new DecodeError(
        'ERR_SCHEMA',
        `The schema ${id} belongs to ${answer.subjects.join(', ')} and not to ${this.#subject}.`,
      )
    }
    try {
      const { read } = this.#type.readerOf(answer.schema)
      this.#readers.set(id, read)
      return read
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new DecodeError('ERR_SCHEMA', `The schema ${id} cannot be read as ${this.#type.name}: ${why}`, cause)
    }
  }
}

function frameError(bytes: Buffer, start: number, end: number): DecodeError {
  if (end <= start) return new DecodeError('ERR_EMPTY', 'The value has no bytes.')
  if (bytes[start] !== 0)
    return new DecodeError(
      'ERR_FRAME',
      `The value starts with ${bytes[start]!} and not with the 0 of the Confluent wire format.`,
    )
  return new DecodeError('ERR_FRAME', `The value has ${end - start} bytes, and a schema id alone needs 5.`)
}
