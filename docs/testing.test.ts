import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { TopologyTestDriver } from '../processor/testing/driver.ts'
import { DriverInput } from '../processor/testing/driver-input.ts'
import { DriverOutput } from '../processor/testing/driver-output.ts'

// The code of docs/testing.md is run as it stands there: its assertions are the test.

const root = join(import.meta.dirname, '..')
const page = readFileSync(join(import.meta.dirname, 'testing.md'), 'utf8')

test('the example holds, and has no error of types', { timeout: 60_000 }, async () => {
  const code = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(match => match[1]!).join('\n')
  mkdirSync(join(root, '.work'), { recursive: true })
  const folder = mkdtempSync(join(root, '.work', 'testing-'))
  try {
    writeFileSync(join(folder, 'example.ts'), code)
    await import(pathToFileURL(join(folder, 'example.ts')).href)
    const project = JSON.stringify({ extends: '../../tsconfig.json', include: ['example.ts'] })
    writeFileSync(join(folder, 'tsconfig.json'), project)
    const tsc = join(root, 'node_modules', '.bin', 'tsc')
    expect(spawnSync(tsc, ['-p', folder], { encoding: 'utf8' }).stdout).toBe('')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
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
