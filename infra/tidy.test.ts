import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkTree } from './tidy/check.ts'
import { parseSource, readTree, showFinding } from './tidy/source.ts'

// House rules that a reader should not have to check by eye. Each failure names the file and the rule.

test('the project keeps the house rules', () => {
  expect(checkTree(readTree(join(import.meta.dirname, '..'))).map(showFinding)).toEqual([])
})

// The rules themselves, on trees of a few lines: each can fail, and lets through what it should.

const findings = (tree: Record<string, string>): string[] =>
  checkTree(new Map(Object.entries(tree))).map(finding => `${finding.path}:${finding.line} ${finding.rule}`)

const importing = (target: string): string => `import { a } from '${target}'\nexport const b = a\n`

describe('direction', () => {
  const cases: readonly [from: string, specifier: string, allowed: boolean][] = [
    ['topology/a.ts', '../schemas/b.ts', true],
    ['schemas/a.ts', '../topology/b.ts', false],
    ['topology/fraud/a.ts', '../../processor/ports.ts', false],
    ['processor/runtime/a.ts', '../operators/b.ts', true],
    ['processor/operators/a.ts', '../runtime/b.ts', false],
    ['processor/operators/a.ts', '../state/layout.ts', true],
    ['processor/operators/a.ts', '../state/level.ts', false],
    ['processor/runtime/a.ts', '../kafka/native/b.ts', false],
    ['processor/kafka/native/a.ts', '../../ports.ts', true],
    ['processor/kafka/native/a.ts', '../../runtime/b.ts', false],
    ['processor/embedded/a.ts', '../kafka/native/protocol/b.ts', true],
    ['processor/embedded/a.ts', '../kafka/native/batch.ts', true],
    ['processor/embedded/a.ts', '../kafka/native/fetcher.ts', false],
    ['processor/state/a.ts', '../kafka/b.ts', false],
    ['processor/index.ts', './runtime/app.ts', true],
    ['processor/index.ts', './main.ts', false],
    ['producer/arrivals.ts', '../processor/ports.ts', true],
    ['producer/arrivals.ts', '../processor/runtime/app.ts', false],
    ['producer/kafka.ts', '../processor/kafka/native/producer.ts', true],
    ['producer/kafka.ts', '../processor/runtime/app.ts', false],
    ['processor/a.ts', '../infra/broker.ts', false],
    ['processor/runtime/a.test.ts', '../embedded/broker.ts', true],
    ['processor/runtime/a.ts', './b.test.ts', false],
    ['processor/state/a.test.ts', './conformance.ts', true],
    ['processor/state/a.ts', './conformance.ts', false],
    ['processor/embedded/a.ts', '../kafka/native/crc.ts', true],
  ]
  test.for(cases)('%s imports %s: %s', ([path, specifier, allowed]) => {
    expect(findings({ [path]: importing(specifier) })).toEqual(allowed ? [] : [`${path}:1 direction`])
  })

  test('a folder of no layer is named', () => {
    expect(findings({ 'elsewhere/a.ts': 'export const a = 1\n' })).toEqual(['elsewhere/a.ts:0 direction'])
  })
})

test('a cycle is found through type imports and shown whole', () => {
  const tree = new Map([
    ['schemas/a.ts', "import { b } from './b.ts'\nexport const a = b\n"],
    ['schemas/b.ts', "import type { C } from './c.ts'\nexport const b: C = 1\n"],
    ['schemas/c.ts', "export type C = typeof import('./a.ts').a\n"],
  ])
  expect(checkTree(tree).map(showFinding)).toEqual([
    'schemas/a.ts: cycle: schemas/a.ts -> schemas/b.ts -> schemas/c.ts -> schemas/a.ts',
  ])
})

describe('code', () => {
  const cases: readonly [code: string, rule: string][] = [
    ['const a = process.env.HOME', 'environment'],
    ['const { env } = process', 'environment'],
    ['const a = Date.now()', 'time'],
    ['const a = new Date()', 'time'],
    ['const a = `${b(`x ${c}`)} ${new Date()}`', 'time'],
    ['const a = performance.now()', 'time'],
    ['const a = process.hrtime.bigint()', 'time'],
    ['setTimeout(go, 1)', 'timer'],
    ['const a = AbortSignal.timeout(1)', 'timer'],
    ['const a = Math.random()', 'chance'],
    ["import { randomUUID } from 'node:crypto'", 'chance'],
    ["import { Kafka } from 'kafkajs'", 'Kafka client'],
    ["import { Connection } from '@platformatic/kafka'", 'Kafka client'],
    ["import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'", 'registry client'],
    ["import type { Level } from 'level'", 'database'],
    ["import { test } from 'vitest'", 'test library'],
    ["const a = new Function('return 1')", 'generated code'],
    ["const a = eval('1')", 'generated code'],
    ['export default 1', 'default export'],
    ["export * from './ports.ts'", 'barrel'],
    [`// ${'x '.repeat(60)}`, 'line length'],
    [`const a = [${'1, '.repeat(40)}]`, 'line length'],
    [`const a = 'b' // ${'x '.repeat(60)}`, 'line length'],
    ["const a = '/home/me'", 'absolute path'],
    ["const a = 'https://registry." + "npmjs.org'", 'registry host'],
  ]
  test.for(cases)('%s breaks the rule "%s"', ([code, rule]) => {
    expect(findings({ 'processor/a.ts': `${code}\n` })).toEqual([`processor/a.ts:1 ${rule}`])
  })

  const fine = [
    '// Date.now() in a comment',
    "const a = 'setTimeout(Math.random)'",
    'const a = new Date(record.timestamp)',
    'const a = scheduler.setTimeout',
    "const a = text.replace(/'/g, '') // process.env",
    "const a = 'https://example.com/work/x'",
    'const a: Date = b',
    `const message = 'The topic ${'x'.repeat(120)}'`,
  ]
  test.for(fine)('%s is fine', code => {
    expect(findings({ 'processor/a.ts': `${code}\n` })).toEqual([])
  })

  test('the adapters may do what the rest may not', () => {
    expect(
      findings({
        'processor/world.ts': 'export const now = () => Date.now() + Math.random()\nsetTimeout(now, 1)\n',
        'processor/main.ts': 'export const home = process.env.HOME\n',
        'processor/state/level.ts': "import { Level } from 'level'\nexport const a = Level\n",
        'processor/kafka/kafkajs.ts': "import { Kafka } from 'kafkajs'\nexport const a = Kafka\n",
        'schemas/avro-view.ts': "export const a = new Function('return 1')\n",
        'schemas/avro/views.ts': "export const a = new Function('return 1')\n",
        'schemas/struct.ts': "export const a = new Function('return 1')\n",
        'processor/kafka/conformance-topics.ts': "import { test } from 'vitest'\nexport const a = test\n",
        'vitest.config.ts': 'export default {}\n',
      }),
    ).toEqual([])
  })
})

test('files have a length', () => {
  const lines = (count: number): string => '\n'.repeat(count)
  expect(
    findings({
      'schemas/a.ts': lines(300),
      'schemas/b.ts': lines(301),
      'schemas/a.test.ts': lines(500),
      'schemas/b.test.ts': lines(501),
    }),
  ).toEqual(['schemas/b.ts:0 file length', 'schemas/b.test.ts:0 file length'])
})

test('tests run, each in a tier that exists', () => {
  expect(
    findings({
      'schemas/a.kafka.test.ts': "test('x', () => {})\n",
      'schemas/a.integration.test.ts': "test('x', () => {})\n",
      'schemas/b.test.ts': "test.skip('x', () => {})\n",
    }),
  ).toEqual(['schemas/a.integration.test.ts:0 test tier', 'schemas/b.test.ts:1 skipped test'])
})

test('packages are pinned, and the lock file names no host', () => {
  expect(
    findings({
      'package.json': '{ "dependencies": { "a": "1.2.3", "b": "^1.2.3" } }',
      'package-lock.json': '{\n"resolved": "https://example.com/a.tgz" }',
    }),
  ).toEqual(['package-lock.json:2 lock file', 'package.json:0 exact pin'])
})

test('what hides code is blanked without moving a line', () => {
  const text = "const a = 'x' // y\nconst b = /['\"`]/\nconst c = `d ${e(`f`)} g`\n"
  const { code } = parseSource('schemas/a.ts', text)
  expect(code).toHaveLength(text.length)
  expect(code).not.toMatch(/[xydg'"`]/)
  expect(code.split('\n')).toHaveLength(4)
})
