import { Buffer } from 'node:buffer'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import { installKafka } from '../../../../infra/broker.ts'
import { parseVersions, type Default, type Field, type Payload, type Scalar } from './define.ts'
import { payloads } from './payloads.ts'
import { messages } from './tables.ts'

// Compares every table with the definitions that Kafka itself is generated from: they travel inside the kafka-clients
// jar.

interface KafkaField {
  readonly name: string
  readonly type: string
  readonly versions: string
  readonly nullableVersions?: string
  readonly taggedVersions?: string
  readonly flexibleVersions?: string
  readonly tag?: number
  readonly default?: string | number | boolean
  readonly fields?: readonly KafkaField[]
}

interface KafkaMessage {
  readonly apiKey?: number
  readonly validVersions: string
  readonly flexibleVersions: string
  readonly latestVersionUnstable?: boolean
  readonly fields: readonly KafkaField[]
  readonly commonStructs?: readonly KafkaField[]
}

let definitions = new Map<string, KafkaMessage>()

/** Comments go, strings stay, also those with two slashes in them. */
const parse = (text: string): KafkaMessage =>
  JSON.parse(text.replaceAll(/("(?:[^"\\]|\\.)*")|\/\/.*$/gm, '$1')) as KafkaMessage

/** The files of a zip archive whose name ends so, by their last name. */
const unzip = (zip: Buffer, folder: string, end: string): Map<string, Buffer> => {
  const files = new Map<string, Buffer>()
  const directory = zip.lastIndexOf(Buffer.from('504b0506', 'hex'))
  let at = zip.readUInt32LE(directory + 16)
  for (let rest = zip.readUInt16LE(directory + 10); rest > 0; rest--) {
    const [method, size] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20)]
    const [nameSize, extraSize, commentSize] = [28, 30, 32].map(offset => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ]
    const local = zip.readUInt32LE(at + 42)
    const name = zip.toString('utf8', at + 46, at + 46 + nameSize)
    at += 46 + nameSize + extraSize + commentSize
    if (!name.startsWith(folder) || !name.endsWith(end)) continue
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
    const packed = zip.subarray(start, start + size)
    files.set(name.slice(folder.length, -end.length), method === 0 ? packed : inflateRawSync(packed))
  }
  return files
}

const small = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1)

/** Our tables leave out what says nothing: zero, false, the empty string. */
const defaultOf = ({ type, default: value }: KafkaField): Default | undefined => {
  if (value === undefined) return undefined
  if (value === 'null') return null
  if (type === 'string') return value === '' ? undefined : (value as string)
  if (type === 'bool') return String(value) === 'true' ? true : undefined
  const number = Number(value)
  if (number === 0) return undefined
  return Number.isSafeInteger(number) ? number : BigInt(value)
}

const fieldsOf = (fields: readonly KafkaField[], common: readonly KafkaField[]): Field[] =>
  fields.map(field => {
    const { name, versions, nullableVersions = 'none', taggedVersions, flexibleVersions, tag } = field
    // What our tables cannot say must not occur.
    expect(taggedVersions ?? versions, `${name}: tagged in all of its versions`).toBe(versions)
    expect(flexibleVersions, `${name}: flexible with its message`).toBeUndefined()
    const type = field.type.replace('[]', '')
    const structure = field.fields ?? common.find(candidate => candidate.name === type)?.fields
    return {
      name: small(name),
      shape: field.type.startsWith('[]') ? 'list' : structure ? 'struct' : 'scalar',
      type: structure ? fieldsOf(structure, common) : (type as Scalar),
      versions: parseVersions(versions),
      nullable: parseVersions(nullableVersions),
      default: defaultOf(field),
      tag,
    }
  })

const payloadOf = (name: string): Payload & { key: number | undefined; unstable: boolean } => {
  const definition = definitions.get(name)
  if (definition === undefined) throw new Error(`Kafka has no message ${name}.`)
  const {
    apiKey,
    validVersions,
    flexibleVersions,
    latestVersionUnstable = false,
    fields,
    commonStructs = [],
  } = definition
  return {
    name,
    key: apiKey,
    valid: parseVersions(validVersions),
    flexible: parseVersions(flexibleVersions),
    unstable: latestVersionUnstable,
    fields: fieldsOf(fields, commonStructs),
  }
}

beforeAll(async () => {
  const { classpath } = await installKafka(line => console.log(`[kafka] ${line}`))
  const libs = dirname(classpath)
  const jar = readdirSync(libs).find(name => /^kafka-clients-[\d.]+\.jar$/.test(name))
  if (jar === undefined) throw new Error(`There is no kafka-clients jar in ${libs}.`)
  const files = unzip(readFileSync(join(libs, jar)), 'common/message/', '.json')
  definitions = new Map([...files].map(([name, bytes]) => [name, parse(bytes.toString('utf8'))]))
})

test.each(messages.map(message => [message.name, message] as const))('%s is as Kafka defines it', (name, message) => {
  const [request, response] = [payloadOf(`${name}Request`), payloadOf(`${name}Response`)]
  expect(message).toEqual({
    name,
    key: request.key,
    valid: request.valid,
    flexible: request.flexible,
    unstable: request.unstable,
    request: request.fields,
    response: response.fields,
  })
  expect([response.key, response.valid, response.flexible]).toEqual([request.key, request.valid, request.flexible])
})

test.each(payloads.map(payload => [payload.name, payload] as const))('%s is as Kafka defines it', (name, payload) => {
  const { valid, flexible, fields } = payloadOf(name)
  expect(payload).toEqual({ name, valid, flexible, fields })
})
