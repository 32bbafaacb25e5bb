import { expect, test } from 'vitest'
import { registryConformance } from './conformance.ts'
import { memoryRegistry } from './registry-memory.ts'

registryConformance(memoryRegistry, subject => subject)

test('ids count from 1', async () => {
  const registry = memoryRegistry()
  expect(await registry.register('a-value', '"string"')).toBe(1)
  expect(await registry.register('b-value', '"long"')).toBe(2)
  expect(await registry.register('c-value', ' "string" ')).toBe(1)
})
