import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as millrace from '../processor/index.ts'
import { runExample } from './example.ts'

// The code of docs/aggregates.md is run as it stands there: its assertions are the test.

const page = readFileSync(join(import.meta.dirname, 'aggregates.md'), 'utf8')

test('the example holds, and has no error of types', { timeout: 60_000 }, async () => {
  expect(await runExample(page)).toBe('')
})

test('every aggregate that it lists is exported', () => {
  const table = page.split('\n').filter(line => line.startsWith('| `'))
  const names = table.flatMap(line => [...line.split('|')[1]!.matchAll(/`(\w+)\(/g)].map(([, name]) => name!))
  expect(names.length).toBe(20)
  for (const name of names) expect(Object.keys(millrace)).toContain(name)
})
