import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RegistryUnavailable, type Registry } from './registry.ts'
import { registryConformance } from './conformance.ts'
import { restRegistry } from './registry-rest.ts'
import { RegistryStub } from './registry-stub.ts'

let stub: RegistryStub
let address: string
let registry: Registry

beforeEach(async () => {
  stub = new RegistryStub()
  address = await stub.open()
  registry = restRegistry({ url: `http://${address}`, timeoutMs: 300 })
})
afterEach(() => stub.close())

registryConformance(
  () => registry,
  subject => subject,
)

test('the compatibility is set for a subject that was made, and that of others is left alone', async () => {
  await registry.register('new-value', '"string"')
  expect(stub.configs.get('new-value')).toBe('FULL_TRANSITIVE')

  stub.subjects.set('old-value', [{ id: 90, schema: '"int"' }])
  await registry.register('old-value', '"long"')
  expect(stub.configs.has('old-value')).toBe(false)

  stub.configs.set('prepared-value', 'NONE')
  await registry.register('prepared-value', '"double"')
  expect(stub.configs.get('prepared-value')).toBe('NONE')
})

test('a compatibility that could not be set for now is set with the next try', async () => {
  stub.fault = method => (method === 'PUT' ? { status: 503, body: '{}' } : undefined)
  await expect(registry.register('new-value', '"string"')).rejects.toBeInstanceOf(RegistryUnavailable)
  stub.fault = undefined
  expect(await registry.register('new-value', '"string"')).toBe(1)
  expect(stub.configs.get('new-value')).toBe('FULL_TRANSITIVE')
})

test('a schema that is there is looked up and nothing is written', async () => {
  stub.subjects.set('there-value', [{ id: 5, schema: '"string"' }])
  expect(await registry.register('there-value', '"string"')).toBe(5)
  expect(stub.requests).toEqual(['POST /subjects/there-value'])
})

test('a schema of another language is no Avro', async () => {
  stub.others.set(7, 'PROTOBUF')
  expect(await registry.byId(7)).toEqual({ kind: 'other', id: 7, type: 'PROTOBUF' })
})

test.each([400, 401, 403, 429, 500, 503])('status %d of the registry is no answer about the id', async status => {
  stub.fault = () => ({ status, body: '{"error_code":1,"message":"no"}' })
  await expect(registry.byId(1)).rejects.toBeInstanceOf(RegistryUnavailable)
})

test.each([401, 500])('status %d when registering: unavailable', async status => {
  stub.fault = () => ({ status, body: '{}' })
  await expect(registry.register('a-value', '"string"')).rejects.toBeInstanceOf(RegistryUnavailable)
})

test('nobody listens, nobody answers: unavailable', async () => {
  stub.fault = () => 'silence'
  await expect(registry.byId(1)).rejects.toThrow(/Timeout/)
  await expect(registry.byId(1)).rejects.toBeInstanceOf(RegistryUnavailable)
  await stub.close()
  await expect(registry.byId(1)).rejects.toBeInstanceOf(RegistryUnavailable)
})

test('a wrong path, where everything is 404, makes no id unknown', async () => {
  stub.fault = () => ({ status: 404, body: '<html>' })
  await expect(registry.byId(1)).rejects.toBeInstanceOf(RegistryUnavailable)
})

test.each([
  [409, /not compatible/],
  [422, /no schema that the registry can read/],
  [403, /an account that may/],
])('a registration refused with %d is final and says what to do', async (status, advice) => {
  stub.fault = (method, path) =>
    method === 'POST' && path.endsWith('/versions') ? { status, body: '{"message":"because"}' } : undefined
  const refusal = registry.register('a-value', '"string"')
  await expect(refusal).rejects.toThrow(advice)
  await expect(refusal).rejects.not.toBeInstanceOf(RegistryUnavailable)
})

test('user and password are sent, and shown nowhere', async () => {
  const secret = restRegistry({ url: `http://ann:s%40cret@${address}/`, timeoutMs: 300 })
  await secret.byId(1)
  expect(stub.authorizations[0]).toBe(`Basic ${Buffer.from('ann:s@cret').toString('base64')}`)
  stub.fault = () => ({ status: 500, body: 'broken' })
  const error: unknown = await secret.byId(1).catch((reason: unknown) => reason)
  expect(inspect(error, { depth: 9 })).toContain(address)
  expect(inspect(error, { depth: 9 })).not.toMatch(/cret|ann/)
  expect(() => restRegistry({ url: 'ftp://ann:s%40cret@host' })).toThrow(/^(?!.*cret).*http/)
})
