import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { UsageError } from './options.ts'
import { readToken } from './token-file.ts'

test('the token is what is in the file, without the end of its line; no file, or an empty one, is refused', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-token-'))
  try {
    const file = join(folder, 'token')
    expect(() => readToken(file)).toThrow(UsageError)
    expect(() => readToken(file)).toThrow(/--http-token-file .* cannot be read: ENOENT/)
    writeFileSync(file, ' \n')
    expect(() => readToken(file)).toThrow('is empty. Write a token to it.')
    writeFileSync(file, 'abc\n')
    expect(readToken(file)).toBe('abc')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
