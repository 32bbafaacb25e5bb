import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bearerCheck } from '../processor/observe/bearer.ts'

test('the token is drawn once and kept, and the processor takes it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-token-'))
  try {
    const file = join(folder, 'metrics')
    const draw = (): string => {
      const script = join(import.meta.dirname, 'docker-token.ts')
      const { status, stderr } = spawnSync(process.execPath, [script], { env: { METRICS_TOKEN_FILE: file } })
      expect(String(stderr)).toBe('')
      expect(status).toBe(0)
      return readFileSync(file, 'utf8')
    }
    const drawn = draw()
    expect(drawn).toMatch(/^[\w-]{43}$/)
    expect(bearerCheck(drawn)(`Bearer ${drawn}`)).toBe(true)
    expect(draw()).toBe(drawn)
    expect(statSync(file).mode & 0o777).toBe(0o444)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
