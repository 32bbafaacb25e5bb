import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { storesConformance } from './conformance.ts'
import { type Claims, holdStateFolder, levelStores, taskStores } from './level.ts'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-level-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

storesConformance(async () => {
  let stores = await levelStores(root, 'a')
  return {
    stores,
    async restart() {
      await stores.release()
      stores = await levelStores(root, 'a')
      return stores
    },
    release: () => stores.release(),
  }
})

/** Another process that takes a slot, says which, and keeps it until it is killed. */
async function otherProcess(instance: string): Promise<{ child: ChildProcess; answer: string }> {
  const module = fileURLToPath(new URL('level.ts', import.meta.url))
  const script =
    `import(${JSON.stringify(module)}).then(m => m.levelStores(${JSON.stringify(root)}${instance}))` +
    `.then(s => console.log(s.instance), e => console.log(e.code)); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [answer] = (await once(child.stdout!, 'data')) as [Buffer]
  return { child, answer: answer.toString().trim() }
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

test('without a name the first free instance is taken; a named one that is held is refused', async () => {
  const first = await levelStores(root)
  const second = await levelStores(root)
  expect([first.instance, second.instance]).toEqual(['instance-0', 'instance-1'])
  await expect(levelStores(root, 'instance-1')).rejects.toMatchObject({ code: 'STATE_IN_USE' })
  await first.release()
  expect((await levelStores(root)).instance).toBe('instance-0')
  await second.release()
})

test('another process counts too, and its slot is free again when it is killed', async () => {
  const { child, answer } = await otherProcess('')
  try {
    expect(answer).toBe('instance-0')
    await expect(levelStores(root, 'instance-0')).rejects.toMatchObject({ code: 'STATE_IN_USE' })
    const own = await levelStores(root)
    expect(own.instance).toBe('instance-1')
    const refused = await otherProcess(`, 'instance-1'`)
    expect(refused.answer).toBe('STATE_IN_USE')
    await kill(refused.child)
    await own.release()
  } finally {
    await kill(child)
  }
  const after = await levelStores(root)
  expect(after.instance).toBe('instance-0')
  await after.release()
})

test('a folder that cannot be made says which', async () => {
  writeFileSync(join(root, 'file'), '')
  await expect(levelStores(join(root, 'file'), 'a')).rejects.toMatchObject({ code: 'STATE_UNREADABLE' })
})

test('a store whose CURRENT is gone does not open empty', async () => {
  const stores = await levelStores(root, 'a')
  const { store } = await stores.open('0_0')
  await store.write([{ key: Buffer.from('a'), value: Buffer.from('1') }])
  await store.close()
  rmSync(join(stores.folder, '0_0', 'CURRENT'))
  await expect(stores.open('0_0')).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
  await stores.destroy('0_0')
  expect((await stores.open('0_0')).created).toBe(true)
  await stores.release()
})

test('a store that is refused is none that ends the process', async () => {
  const stores = await levelStores(root, 'a')
  const { store } = await stores.open('0_0')
  const file = join(stores.folder, '0_0.open')
  for (let i = 0; i < 5; i++) await expect(stores.open('0_0')).rejects.toMatchObject({ code: 'STATE_IN_USE' })
  expect(readFileSync(file, 'utf8')).toBe('1')
  await store.close()
  expect(existsSync(file)).toBe(false)
  await stores.release()
})

test('of two threads one at a time has the store of a task, and what it left stays there', async () => {
  const held = await holdStateFolder(root, 'threads')
  const holders = new Map<string, string>()
  const claimsOf = (thread: string): Claims => ({
    async take(task) {
      if (!holders.has(task)) holders.set(task, thread)
      return holders.get(task) === thread
    },
    free: task => void holders.delete(task),
  })
  const [a, b] = [taskStores(held.folder, claimsOf('a')), taskStores(held.folder, claimsOf('b'))]
  const { store } = await a.open('0_0')
  await store.write([{ key: Buffer.from('k'), value: Buffer.from('1') }])
  // Four processes ended with it open, and now another thread has it: that one is left alone.
  writeFileSync(join(held.folder, '0_0.open'), '4')
  await expect(b.open('0_0')).rejects.toMatchObject({ code: 'STATE_BUSY', retriable: true })
  await b.destroy('0_0')
  expect(store.get(Buffer.from('k'))?.toString()).toBe('1')
  await expect(a.open('0_0')).rejects.toMatchObject({ code: 'STATE_IN_USE' })
  await expect(b.open('0_0')).rejects.toMatchObject({ code: 'STATE_BUSY' })
  await store.close()
  const moved = await b.open('0_0')
  expect(moved.created).toBe(false)
  expect(moved.store.get(Buffer.from('k'))?.toString()).toBe('1')
  await store.close()
  await expect(a.open('0_0')).rejects.toMatchObject({ code: 'STATE_BUSY' })
  await a.close()
  await b.close()
  expect([...holders]).toEqual([])
  writeFileSync(join(held.folder, '0_1'), 'no folder')
  await expect(a.open('0_1')).rejects.toMatchObject({ code: 'STATE_CORRUPT' })
  expect([...holders]).toEqual([])
  await held.release()
})

test('processes that are killed with a sound store open: it is read once, kept, and counted anew', async () => {
  const stores = await levelStores(root, 'a')
  const file = join(stores.folder, '0_0.open')
  const first = await stores.open('0_0')
  await first.store.write([{ key: Buffer.from('a'), value: Buffer.from('1') }])
  await first.store.close()
  for (const [killed, counted] of [
    ['1', '2'],
    ['2', '3'],
    ['3', '1'],
    ['', '2'],
  ] as const) {
    writeFileSync(file, killed)
    const { store, created, aside } = await stores.open('0_0')
    expect([created, aside, String(store.get(Buffer.from('a')))]).toEqual([false, undefined, '1'])
    expect(readFileSync(file, 'utf8')).toBe(counted)
    await store.close()
  }
  await stores.release()
})
