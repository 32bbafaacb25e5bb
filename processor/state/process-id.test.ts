import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { seeded } from '../operators/testing.ts'
import { processId } from './process-id.ts'

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-id-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

test('a name stays with its folder, and another folder has another', () => {
  const random = { next: seeded(1) }
  const [one, two] = [newFolder(), newFolder()]
  const id = processId(one, random)
  expect(id).toMatch(/^[0-9a-f]{16}$/)
  expect(processId(one, random)).toBe(id)
  expect(processId(two, random)).not.toBe(id)
})

test('a file that is damaged is made anew', () => {
  const folder = newFolder()
  writeFileSync(join(folder, 'process-id'), '')
  const id = processId(folder, { next: seeded(2) })
  expect(processId(folder, { next: seeded(3) })).toBe(id)
})
