import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TopologyTestDriver } from '../processor/testing/driver.ts'
import { DriverInput } from '../processor/testing/driver-input.ts'
import { DriverOutput } from '../processor/testing/driver-output.ts'
import { runExample } from './example.ts'

// The code of docs/testing.md is run as it stands there: its assertions are the test.

const page = readFileSync(join(import.meta.dirname, 'testing.md'), 'utf8')

test('the example holds, and has no error of types', { timeout: 60_000 }, async () => {
  expect(await runExample(page)).toBe('')
})

test('every call that it lists exists', () => {
  const members = new Map<string, object>([
    ['driver', TopologyTestDriver.prototype],
    ['input', DriverInput.prototype],
  ])
  const calls = [...page.matchAll(/`(driver|input)\.(\w+)/g)].map(([, object, name]) => [object!, name!] as const)
  expect(calls.length).toBeGreaterThan(12)
  for (const [object, name] of calls) expect(Object.getOwnPropertyNames(members.get(object))).toContain(name)
  for (const name of ['read', 'readAll', 'readValues', 'readKeyValues', 'readTable', 'size', 'isEmpty'])
    expect(Object.getOwnPropertyNames(DriverOutput.prototype)).toContain(name)
})
