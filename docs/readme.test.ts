import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { Harness, type Input } from '../processor/testing/harness.ts'
import { json, text } from '../schemas/serdes.ts'
import { topic } from '../schemas/topic.ts'
import { describe } from '../topology/describe.ts'
import type { Topology } from '../topology/stream.ts'

// The README's code is run as it stands there.

const root = join(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, code]) => code!)

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

interface Example {
  readonly shop: Topology
  readonly run: (
    transport: unknown,
  ) => Promise<{ app: { stop(): Promise<void>; ended: Promise<void> }; stores: { release(): Promise<void> } }>
}

/** Inside the project, so that `millrace` is found as its users find it. */
async function example(): Promise<Example> {
  mkdirSync(join(root, '.work'), { recursive: true })
  const folder = mkdtempSync(join(root, '.work', 'readme-'))
  folders.push(folder)
  const file = join(folder, 'example.ts')
  writeFileSync(
    file,
    blocks('ts')
      .join('\n')
      .replace("'./state'", JSON.stringify(join(folder, 'state'))),
  )
  return (await import(pathToFileURL(file).href)) as Example
}

const any = json<any>('any', value => value)
const sales = topic('sales', text, any)
const minute = 60_000

test('the topology of the README does what is said of it', async () => {
  const { shop, run } = await example()
  const harness = new Harness()
  await harness.createTopics(shop, 2)
  const sale = (customer: string, cents: number, timestamp: number): Input => {
    return { topic: sales, key: customer, value: { customer, shop: 'corner', cents }, timestamp }
  }
  const inputs = [
    // Six in two minutes, the sixth one too many.
    ...Array.from({ length: 6 }, (_, i) => sale('anna', 100, minute + i * 10_000)),
    // More than ten times the mean of those before.
    sale('bert', 100, minute),
    sale('bert', 1001, 30 * minute),
    sale('bert', 5000, 31 * minute),
  ]
  await harness.produce(inputs, [sales])
  const { app, stores } = await run(harness.broker.transport())
  await app.ended
  await app.stop()
  await stores.release()

  const alarms = await harness.read(topic('alarms', text, any))
  expect(alarms.map(({ key, value }) => [key, value.sale.cents, value.recent].join(' ')).toSorted()).toEqual([
    'anna 100 6',
    'bert 1001 1',
  ])
  const takings = await harness.read(topic('takings', text, any))
  // Each sale is in three windows.
  expect(takings.reduce((sum, { value }) => sum + value.sales, 0)).toBe(3 * inputs.length)
  expect(takings.find(({ value }) => value.startMs === minute)!.value).toMatchObject({
    endMs: 2 * minute,
    sales: 7,
    cents: 700,
  })
  await harness.close()
})

test('its code has no error of types', { timeout: 60_000 }, async () => {
  await example()
  const folder = folders.at(-1)!
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', include: ['example.ts'] }),
  )
  const tsc = join(root, 'node_modules', '.bin', 'tsc')
  const { stdout, status } = spawnSync(tsc, ['-p', folder], { encoding: 'utf8' })
  expect(stdout).toBe('')
  expect(status).toBe(0)
})

test('its picture is what describe gives, and the topology has no more than 30 lines of code', async () => {
  const { shop } = await example()
  expect(blocks('mermaid')).toEqual([describe(shop, 'mermaid')])
  const code = blocks('ts')[0]!
    .split('\n')
    .filter(line => line.trim() !== '' && !line.trim().startsWith('//'))
  expect(code.length).toBeLessThanOrEqual(30)
})

test('what it links to is there, and its commands are those of package.json', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  for (const [, name] of readme.matchAll(/npm run (?:--silent )?([a-z]+)/g))
    expect(Object.keys(scripts)).toContain(name)
  for (const [, target] of readme.matchAll(/\]\((?!http)([^)]+)\)/g))
    expect(readFileSync(join(root, target!)).length).toBeGreaterThan(0)
})
