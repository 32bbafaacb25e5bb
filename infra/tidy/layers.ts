import { matchesGlob } from 'node:path'
import type { Finding, SourceFile } from './source.ts'

// Who may import whom. Data flows one way: schemas, then topology, then processor. The first entry whose `files` match
// a file holds for it; a file may always import its neighbours under the same entry.

interface Layer {
  readonly name: string
  readonly files: readonly string[]
  readonly may: readonly string[]
}

const base = ['processor/{ports,group-port,state-port,errors,world}.ts']
const lower = ['schemas/**', 'topology/**', ...base]
const adapters = ['processor/kafka/**', 'processor/embedded/**', 'processor/state/level.ts']

/**
 * Shared by tests, and by nothing else: suites that adapters must pass, generators of random input for them, the
 * simulator, the oracle of Kafka Streams, and the chaos runs.
 */
export const testSupport = [
  '**/*conformance*.ts',
  '**/random-*.ts',
  '**/testing.ts',
  '**/*-testing.ts',
  'processor/sim/**',
  'processor/oracle/**',
  'processor/chaos/**',
]

export const layers: readonly Layer[] = [
  { name: 'tests', files: ['**/*.test.ts', '**/*.types.ts', ...testSupport], may: ['**'] },
  { name: 'wiring', files: ['start.ts', 'start/**', '*.config.ts', 'bench/**', 'docs/**'], may: ['**'] },
  { name: 'schemas', files: ['schemas/**'], may: [] },
  { name: 'topology', files: ['topology/**'], may: ['schemas/**'] },
  { name: 'processor base', files: base, may: ['schemas/**'] },
  { name: 'operators', files: ['processor/operators/**'], may: [...lower, 'processor/state/**'] },
  {
    name: 'runtime',
    files: ['processor/runtime/**'],
    may: [...lower, 'processor/state/**', 'processor/operators/**', 'processor/observe/**'],
  },
  { name: 'state', files: ['processor/state/**'], may: lower },
  { name: 'kafka', files: ['processor/kafka/**'], may: ['schemas/**', ...base] },
  {
    name: 'embedded',
    files: ['processor/embedded/**'],
    may: [
      'schemas/**',
      ...base,
      'processor/kafka/native/protocol/**',
      'processor/kafka/native/{batch*,crc.ts,compression.ts}',
    ],
  },
  { name: 'observe', files: ['processor/observe/**'], may: lower },
  { name: 'processor main', files: ['processor/**/main.ts'], may: ['processor/**', 'topology/**', 'schemas/**'] },
  // What stands at the top of processor/ (index.ts and its parts) and testing/ wires the layers together.
  { name: 'processor', files: ['processor/**'], may: ['processor/**', 'topology/**', 'schemas/**'] },
  {
    name: 'producer kafka adapter',
    files: ['producer/kafka*.ts', 'producer/kafka/**'],
    may: ['schemas/**', 'producer/**', ...base, 'processor/kafka/**'],
  },
  { name: 'producer main', files: ['producer/main.ts'], may: ['schemas/**', 'producer/**', ...base] },
  // The ports of the world (clock, scheduler, random, log) are types; everything else of the processor is out of sight.
  { name: 'producer', files: ['producer/**'], may: ['schemas/**', 'processor/ports.ts'] },
  { name: 'dashboard', files: ['dashboard/**'], may: ['schemas/**'] },
  { name: 'infra', files: ['infra/**'], may: [] },
]

const matches = (path: string, globs: readonly string[]): boolean => globs.some(glob => matchesGlob(path, glob))

export const layerOf = (path: string): Layer | undefined => layers.find(layer => matches(path, layer.files))

/** Adapters are handed in through the ports: the layers that compute never name one. */
const bypassesPort = (layer: Layer, target: string): boolean =>
  (layer.name === 'operators' || layer.name === 'runtime') && matches(target, adapters)

export const checkDirection = (files: readonly SourceFile[]): Finding[] =>
  files.flatMap(file => {
    const layer = layerOf(file.path)
    if (!layer) {
      return [
        {
          path: file.path,
          line: 0,
          rule: 'direction',
          detail: 'belongs to no layer; add its folder to infra/tidy/layers.ts',
        },
      ]
    }
    return file.imports.flatMap(({ target, line }) => {
      if (target === null) return []
      const finding = (detail: string): Finding[] => [{ path: file.path, line, rule: 'direction', detail }]
      if (layer.name !== 'tests' && layerOf(target)?.name === 'tests') return finding(`imports the test ${target}`)
      if (/(^|\/)main\.ts$/.test(target) && layer.name !== 'tests')
        return finding(`imports ${target}: nothing imports a main`)
      const allowed = layerOf(target)?.name === layer.name || matches(target, layer.may)
      if (allowed && !bypassesPort(layer, target)) return []
      return finding(`${layer.name} may not import ${target}`)
    })
  })

/** Each cycle once, with its whole path. Type imports count: they tie two files together as much for a reader. */
export const checkCycles = (files: readonly SourceFile[]): Finding[] => {
  const graph = new Map(files.map(file => [file.path, file.imports]))
  const done = new Set<string>()
  const trail: string[] = []
  const found: Finding[] = []
  const visit = (path: string): void => {
    const start = trail.indexOf(path)
    if (start !== -1) {
      const cycle = [...trail.slice(start), path].join(' -> ')
      found.push({ path, line: 0, rule: 'cycle', detail: cycle })
      return
    }
    if (done.has(path)) return
    done.add(path)
    trail.push(path)
    for (const { target } of graph.get(path) ?? []) if (target !== null) visit(target)
    trail.pop()
  }
  for (const { path } of files) visit(path)
  return found
}
