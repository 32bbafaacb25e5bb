import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { damages } from './damage-testing.ts'
import { levelStores } from './level.ts'

// Damage that ends whoever reads it, and what the starts after it make of it.

const module = fileURLToPath(new URL('damage-testing.ts', import.meta.url))

/** The signal that ended a process in which `call` was made of the module of damages; null: none. */
function endOf(call: string): NodeJS.Signals | null {
  const script = `import(${JSON.stringify(module)}).then(m => m.${call}).catch(() => undefined)`
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' }).signal
}

/** A state folder with a store that ends the process that reads it, after one has. */
function deadly(): string {
  for (let round = 0; round < 60; round++) {
    const root = mkdtempSync(join(tmpdir(), 'millrace-deadly-'))
    const index = damages.indexOf('zeroed block') + round * damages.length
    const signal = endOf(`runTrials(${JSON.stringify(root)}, ${index}, ${index + 1})`)
    if (signal !== null) return root
    rmSync(root, { recursive: true, force: true })
  }
  throw new Error('No zeroed block of 60 has ended a process.')
}

test('a store that ends each process that reads it is moved aside, and made anew', { timeout: 60_000 }, async () => {
  const root = deadly()
  const counted = (): string => readFileSync(join(root, 'a', '0_0.open'), 'utf8')
  expect(counted()).toBe('1')
  for (const count of ['2', '3']) {
    expect(endOf(`readAgain(${JSON.stringify(root)})`)).not.toBe(null)
    expect(counted()).toBe(count)
  }
  const stores = await levelStores(root, 'a')
  const { store, created, aside } = await stores.open('0_0')
  expect(created).toBe(true)
  expect(aside).toBe(join(root, 'a', '0_0.damaged'))
  expect(readdirSync(aside!)).toContain('CURRENT')
  expect(counted()).toBe('1')
  await store.write([{ key: Buffer.from('a'), value: Buffer.from('1') }])
  await stores.release()
  expect(existsSync(join(root, 'a', '0_0.open'))).toBe(false)
  const again = await levelStores(root, 'a')
  expect(await again.open('0_0')).toMatchObject({ created: false })
  await again.release()
  rmSync(root, { recursive: true, force: true })
})
