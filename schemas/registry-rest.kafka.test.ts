import { randomUUID } from 'node:crypto'
import { expect, inject, test } from 'vitest'
import { registryConformance } from './conformance.ts'
import { restRegistry } from './registry-rest.ts'

const run = `t${randomUUID().slice(0, 8)}`
const url = inject('schemaRegistryUrl')

registryConformance(
  () => restRegistry({ url }),
  subject => `${run}-${subject}`,
)

test('a subject that was made is FULL_TRANSITIVE: a change that breaks readers is refused', async () => {
  const registry = restRegistry({ url })
  const schema = (fields: object[]): string => JSON.stringify({ type: 'record', name: `${run}_Strict`, fields })
  await registry.register(`${run}-strict-value`, schema([{ name: 'a', type: 'int' }]))
  const answer = await fetch(`${url}/config/${run}-strict-value`)
  expect(await answer.json()).toMatchObject({ compatibilityLevel: 'FULL_TRANSITIVE' })
  await expect(registry.register(`${run}-strict-value`, schema([{ name: 'b', type: 'int' }]))).rejects.toThrow(
    /not compatible/,
  )
})
