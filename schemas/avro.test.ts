import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { avro, plain } from './avro.ts'
import { ByteWriter } from './bytes.ts'
import { memoryRegistry } from './registry-memory.ts'
import { RegistryUnavailable, type RegisteredSchema, type Registry } from './registry.ts'
import { DecodeError, EncodeError, NotReady, type Serde } from './serde.ts'

interface Point {
  readonly x: number
  readonly name: string
}
const pointSchema = {
  type: 'record',
  name: 'Point',
  fields: [
    { name: 'x', type: 'long' },
    { name: 'name', type: 'string' },
  ],
}

/** Counts what is asked, and can be out of order. */
class Watched implements Registry {
  inner = memoryRegistry()
  readonly asked: number[] = []
  down = false
  answer: RegisteredSchema | undefined

  async byId(id: number): Promise<RegisteredSchema> {
    this.asked.push(id)
    if (this.down) throw new RegistryUnavailable('down')
    return this.answer ?? this.inner.byId(id)
  }

  register(subject: string, schema: string): Promise<number> {
    if (this.down) return Promise.reject(new RegistryUnavailable('down'))
    return this.inner.register(subject, schema)
  }
}

const bind = <T>(serde: Serde<T>, registry: Registry, writes: boolean, topic = 'points'): Promise<Serde<T>> =>
  serde.bind!({ topic, part: 'value', writes, registry })

function bytesOf<T>(serde: Serde<T>, value: T): Buffer {
  const out = new ByteWriter(1)
  serde.write(value, out)
  return out.copy()
}

const read = <T>(serde: Serde<T>, bytes: Buffer): T => serde.read(bytes, 0, bytes.length)

/** Reads as a task does: what is not ready is waited for. */
async function readWhenReady<T>(serde: Serde<T>, bytes: Buffer): Promise<T> {
  for (;;) {
    try {
      return read(serde, bytes)
    } catch (error) {
      if (!(error instanceof NotReady)) throw error
      await error.ready()
    }
  }
}

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof DecodeError) return error.code
    throw error
  }
  return 'none'
}

const codeWhenReady = (serde: Serde<unknown>, bytes: Buffer): Promise<string> =>
  readWhenReady(serde, bytes).then(
    () => 'none',
    (error: unknown) => (error as DecodeError).code,
  )

test('a value is framed by a 0 and the id in four bytes, and its schema is registered under the topic', async () => {
  const registry = memoryRegistry()
  await registry.register('other', '"string"')
  const serde = await bind(avro<Point>(pointSchema), registry, true)
  expect([...bytesOf(serde, { x: 3, name: 'ab' })]).toEqual([0, 0, 0, 0, 2, 6, 4, 97, 98])
  expect(await registry.byId(2)).toMatchObject({ subjects: ['points-value'] })
  expect(plain(read(serde, bytesOf(serde, { x: 3, name: 'ab' })))).toEqual({ x: 3, name: 'ab' })
})

test('a serde that only reads registers nothing and cannot write', async () => {
  const registry = new Watched()
  const serde = await bind(avro<Point>(pointSchema), registry, false)
  expect(await registry.inner.byId(1)).toEqual({ kind: 'unknown', id: 1 })
  expect(() => bytesOf(serde, { x: 1, name: '' })).toThrow(EncodeError)
  expect(() => bytesOf(avro<Point>(pointSchema), { x: 1, name: '' })).toThrow(/not bound/)
})

test('an id not seen before is asked for once, however many wait for it', async () => {
  const registry = new Watched()
  const writer = await bind(avro<Point>(pointSchema), registry.inner, true)
  const bytes = bytesOf(writer, { x: 1, name: 'n' })
  const one = await bind(avro<Point>(pointSchema), registry, false)
  const two = await bind(avro<Point>(pointSchema), registry, false)
  expect(() => read(one, bytes)).toThrow(NotReady)
  const values = await Promise.all([readWhenReady(one, bytes), readWhenReady(two, bytes), readWhenReady(one, bytes)])
  expect(values.map(value => value.name)).toEqual(['n', 'n', 'n'])
  expect(registry.asked).toEqual([1])
})

test('a registry that is down rejects ready(), and the next try asks again', async () => {
  const registry = new Watched()
  const bytes = bytesOf(await bind(avro<Point>(pointSchema), registry.inner, true), { x: 1, name: 'n' })
  const serde = await bind(avro<Point>(pointSchema), registry, false)
  registry.down = true
  await expect(readWhenReady(serde, bytes)).rejects.toBeInstanceOf(RegistryUnavailable)
  registry.down = false
  expect((await readWhenReady(serde, bytes)).x).toBe(1)
  registry.down = true
  await expect(bind(avro<Point>(pointSchema), registry, true)).rejects.toBeInstanceOf(RegistryUnavailable)
})

test('no bytes, no frame, no schema, no value: each with its code', async () => {
  const registry = new Watched()
  const serde = await bind(avro<Point>(pointSchema), registry, true)
  const valid = bytesOf(serde, { x: 1, name: 'n' })
  expect(codeOf(() => read(serde, Buffer.alloc(0)))).toBe('ERR_EMPTY')
  for (const size of [1, 2, 3, 4]) expect(codeOf(() => read(serde, valid.subarray(0, size)))).toBe('ERR_FRAME')
  for (const magic of [1, 0x7f])
    expect(codeOf(() => read(serde, Buffer.from([magic, ...valid.subarray(1)])))).toBe('ERR_FRAME')
  for (const id of [0, -1]) {
    const bytes = Buffer.from(valid)
    bytes.writeInt32BE(id, 1)
    expect(codeOf(() => read(serde, bytes))).toBe('ERR_SCHEMA')
  }
  expect(registry.asked).toEqual([])
  const unknown = Buffer.from(valid)
  unknown.writeInt32BE(2 ** 31 - 1, 1)
  expect(await codeWhenReady(serde, unknown)).toBe('ERR_SCHEMA')
  for (let size = 5; size < valid.length; size++)
    expect(codeOf(() => read(serde, valid.subarray(0, size)))).toBe('ERR_DECODE')
  expect(codeOf(() => read(serde, Buffer.concat([valid, Buffer.from([0])])))).toBe('ERR_DECODE')
  // What was refused does not spoil what comes next.
  expect(read(serde, valid).x).toBe(1)
})

test('a schema that is registered here for one topic is read from another one that has it too', async () => {
  // One registry, seen by two processes: the producer of `points`, and one that reads them and writes `copies`.
  const [producers, ours] = [new Watched(), new Watched()]
  const writer = await bind(avro<Point>(pointSchema), producers, true)
  const bytes = bytesOf(writer, { x: 1, name: 'n' })
  ours.inner = producers.inner
  const reader = await bind(avro<Point>(pointSchema), ours, false)
  await bind(avro<Point>(pointSchema), ours, true, 'copies')
  expect(await codeWhenReady(reader, bytes)).toBe('none')
  expect(ours.asked).toEqual([1])
})

test('schemas of other languages, of other subjects, and what is no schema at all are refused', async () => {
  const codeFor = async (answer: RegisteredSchema): Promise<string> => {
    const registry = new Watched()
    registry.answer = answer
    return codeWhenReady(await bind(avro<Point>(pointSchema), registry, false), Buffer.from([0, 0, 0, 0, 7, 2, 0]))
  }
  const schema = JSON.stringify(pointSchema)
  expect(await codeFor({ kind: 'avro', id: 7, schema, subjects: ['points-value'] })).toBe('none')
  expect(await codeFor({ kind: 'avro', id: 7, schema, subjects: [] })).toBe('none')
  expect(await codeFor({ kind: 'avro', id: 7, schema, subjects: ['other-value'] })).toBe('ERR_SCHEMA')
  expect(await codeFor({ kind: 'other', id: 7, type: 'PROTOBUF' })).toBe('ERR_SCHEMA')
  for (const hostile of ['{', '{"type":"record","name":"a\\"){}//","fields":[]}', '"int"', '[['.repeat(50_000)]) {
    expect(await codeFor({ kind: 'avro', id: 7, schema: hostile, subjects: [] })).toBe('ERR_SCHEMA')
  }
})

test('an unknown id is asked for again after 100 records, so that a late registration is seen', async () => {
  const registry = new Watched()
  const serde = await bind(avro<Point>(pointSchema), registry, false)
  const bytes = bytesOf(await bind(avro<Point>(pointSchema), memoryRegistry(), true), { x: 1, name: 'n' })
  for (let i = 0; i < 100; i++) expect(await codeWhenReady(serde, bytes)).toBe('ERR_SCHEMA')
  expect(registry.asked).toEqual([1])
  await registry.inner.register('points-value', JSON.stringify(pointSchema))
  expect((await readWhenReady(serde, bytes)).x).toBe(1)
  expect(registry.asked).toEqual([1, 1])
})

test('records of an older schema are read beside those of ours', async () => {
  const registry = memoryRegistry()
  const old = {
    type: 'record',
    name: 'Point',
    fields: [
      { name: 'name', type: 'string' },
      { name: 'gone', type: 'double' },
    ],
  }
  const now = {
    ...pointSchema,
    fields: [
      { name: 'x', type: 'long', default: 9 },
      { name: 'name', type: 'string' },
    ],
  }
  const before = bytesOf(await bind(avro<object>(old), registry, true), { name: 'old', gone: 0.5 })
  const serde = await bind(avro<Point>(now), registry, true)
  const after = bytesOf(serde, { x: 1, name: 'new' })
  for (let i = 0; i < 3; i++) {
    expect(plain(await readWhenReady(serde, before))).toEqual({ x: 9, name: 'old' })
    expect(plain(await readWhenReady(serde, after))).toEqual({ x: 1, name: 'new' })
  }
  // A view of the older layout is written in ours.
  expect(plain(read(serde, bytesOf(serde, await readWhenReady(serde, before))))).toEqual({ x: 9, name: 'old' })
})

test('a view goes to another topic of the same schema as the bytes that it is', async () => {
  const registry = memoryRegistry()
  const serde = await bind(avro<Point>(pointSchema), registry, true)
  const late = await bind(avro<Point>(structuredClone(pointSchema)), registry, true, 'late')
  // A negative zero of a varint in two bytes is legal, and no encoder of ours writes it: it shows that bytes were
  // copied.
  const padded = Buffer.from([0, 0, 0, 0, 1, 0x82, 0x00, 2, 97])
  expect([...bytesOf(late, read(serde, padded))]).toEqual([...padded])
})

test('a value that does not fit leaves nothing behind in the writer', async () => {
  const serde = await bind(avro<Point>(pointSchema), memoryRegistry(), true)
  const out = new ByteWriter()
  out.u8(9)
  expect(() => serde.write({ x: 1, name: 5 } as unknown as Point, out)).toThrow(/Point.name takes a text, not 5/)
  expect(out.length).toBe(1)
})
