import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { help } from '../processor/cli/command.ts'
import { describe } from '../topology/describe.ts'
import { fraudTopology } from '../topology/fraud/topology.ts'

// `npm run build`, into a folder inside the project, so that packages are found from there.

const root = join(import.meta.dirname, '..')
mkdirSync(join(root, '.work'), { recursive: true })
const folder = mkdtempSync(join(root, '.work', 'build-'))
const dist = join(folder, 'dist')

const node = (...args: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, args, { encoding: 'utf8', cwd: folder, env: {}, timeout: 60_000 })

beforeAll(() => {
  const built = node(join(root, 'infra', 'build.ts'), '--out', dist)
  expect(built).toMatchObject({ status: 0, stdout: `built ${dist}\n` })
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the processor runs as JavaScript', () => {
  const main = join(dist, 'processor', 'main.js')
  expect(node(main, 'describe')).toEqual(
    expect.objectContaining({ status: 0, stdout: describe(fraudTopology(), 'text'), stderr: '' }),
  )
  expect(node(main, '--help')).toMatchObject({ status: 0, stdout: help })
})

test('so does the producer, with the same payments', () => {
  const args = ['--dry-run', '--count', '20', '--seed', '3']
  const compiled = node(join(dist, 'producer', 'main.js'), ...args)
  expect(compiled.status).toBe(0)
  expect(compiled.stdout).toBe(node(join(root, 'producer', 'main.ts'), ...args).stdout)
})

test('so does a thread, whose module is named as TypeScript and found as JavaScript', () => {
  const library = JSON.stringify(pathToFileURL(join(dist, 'processor', 'index.js')).href)
  writeFileSync(
    join(folder, 'copy.js'),
    `import { embeddedBroker, memoryRegistry, nativeKafka, rawBytes, topic, topology } from ${library}
    export const thread = async ({ world, data }) => {
      const kafka = nativeKafka({ transport: embeddedBroker({ world }).transport(), world, clientId: 'copy' })
      await kafka.connect()
      await kafka.admin().createTopics(['in', 'out'].map(name => ({ name, partitions: data.partitions })))
      const copy = topology('copy')
      copy.stream(topic('in', rawBytes, rawBytes)).to(topic('out', rawBytes, rawBytes))
      return { topology: copy, kafka, registry: memoryRegistry() }
    }`,
  )
  writeFileSync(
    join(folder, 'main.js'),
    `import { createThreads, holdStateFolder, silentLog, systemWorld } from ${library}
    const { folder, instance, release } = await holdStateFolder('threads')
    const module = new URL('./copy.ts', import.meta.url)
    const world = systemWorld(silentLog)
    const app = createThreads({ module, threads: 1, data: { partitions: 3 }, folder, instance, world })
    await app.start()
    const { state, threads } = app.read()
    await app.stop()
    await app.done
    await release()
    console.log(JSON.stringify({ state, tasks: threads.map(({ tasks }) => tasks), after: app.read().state }))`,
  )
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const { status, stdout, stderr } = node('main.js')
  expect([status, stderr]).toEqual([0, ''])
  expect(JSON.parse(stdout)).toEqual({ state: 'running', tasks: [3], after: 'stopped' })
})

test('it holds what runs, and no TypeScript and no tests', () => {
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' })
  expect(files).toContain(join('schemas', 'payments', 'Payment.avsc'))
  expect(files.filter(path => /\.ts$|\.test\.|conformance|^processor.sim/.test(path))).toEqual([])
  const { type, dependencies } = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8'))
  expect(type).toBe('module')
  expect(dependencies).toEqual(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies)
})

test('it does not empty a folder that holds something else', () => {
  const other = join(folder, 'other')
  mkdirSync(other)
  writeFileSync(join(other, 'letter.txt'), 'mine')
  const { status, stderr } = node(join(root, 'infra', 'build.ts'), '--out', other)
  expect(status).not.toBe(0)
  expect(stderr).toContain('is not empty and holds no build')
  expect(existsSync(join(other, 'letter.txt'))).toBe(true)
})
