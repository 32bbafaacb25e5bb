import { matchesGlob } from 'node:path'
import { testSupport } from './layers.ts'
import { lineAt, type Finding, type SourceFile } from './source.ts'

// Rules about the text of one file, and about the few files that are not code. What oxlint can say stands in
// .oxlintrc.json as well; here it also holds where lint cannot see (new Date(), the database, file length).

const matches = (path: string, globs: readonly string[]): boolean => globs.some(glob => matchesGlob(path, glob))

const tests = ['**/*.test.ts', '**/*.types.ts', ...testSupport]
const edges = [...tests, 'start.ts', '**/main.ts', 'infra/**', 'bench/**', '*.config.ts']

interface PatternRule {
  readonly rule: string
  readonly pattern: RegExp
  readonly except: readonly string[]
  readonly advice: string
}

const patternRules: readonly PatternRule[] = [
  {
    rule: 'environment',
    pattern: /\bprocess\s*\??\.\s*env\b|\bimport\.meta\.env\b|\{[^{}]*\benv\b[^{}]*\}\s*=\s*process\b/g,
    except: edges,
    advice: 'only main.ts, start.ts, infra, bench and tests read the environment',
  },
  {
    rule: 'time',
    pattern:
      /\bDate\s*\.\s*now\b|\bnew Date\s*\(\s*\)|\bnew Date\b(?!\s*\()|(?<!new )(?<![.\w])Date\s*\(|\bperformance\s*\.|\bhrtime\b/g,
    except: [...edges, 'processor/world.ts'],
    advice: 'only processor/world.ts reads the time; take a Clock',
  },
  {
    rule: 'timer',
    pattern: /(?<![.\w])(?:setTimeout|setInterval|setImmediate)\b|\bAbortSignal\s*\.\s*timeout\b/g,
    except: [...edges, 'processor/world.ts'],
    advice: 'only processor/world.ts starts timers; take a Scheduler',
  },
  {
    rule: 'chance',
    pattern: /\bMath\s*\.\s*random\b|\brandomUUID\b|\brandomBytes\b|\brandomInt\b|\bgetRandomValues\b/g,
    except: [...edges, 'processor/world.ts'],
    advice: 'only processor/world.ts draws lots; take a Random',
  },
  { rule: 'default export', pattern: /\bexport\s+default\b/g, except: ['*.config.ts'], advice: 'export by name' },
  {
    rule: 'barrel',
    pattern: /\bexport\s+(?:type\s+)?\*\s*(?:as\s+\w+\s+)?from\b/g,
    except: [],
    advice: 'name what is exported',
  },
  {
    rule: 'skipped test',
    pattern: /\b(?:test|it|describe|suite)\s*\.\s*(?:skip|skipIf|runIf|only|todo|fails)\b/g,
    except: [],
    advice: 'a test runs or is deleted',
  },
]

export const checkPatterns = (file: SourceFile): Finding[] =>
  patternRules
    .filter(({ except }) => !matches(file.path, except))
    .flatMap(({ rule, pattern, advice }) =>
      [...file.code.matchAll(pattern)].map(match => ({
        path: file.path,
        line: lineAt(file.code, match.index),
        rule,
        detail: `${match[0].trim()}: ${advice}`,
      })),
    )

const linesMax = 300
const testLinesMax = 500
const columnsMax = 120

/** A message or the name of a test stays whole, so that it can be searched for: a line may be wide by its literals. */
const isWideByLiteral = (code: string, withoutComment: string): boolean =>
  withoutComment.trimEnd().length > columnsMax && code.trim().replace(/\s+/g, ' ').length <= columnsMax - 40

export const checkSize = (file: SourceFile): Finding[] => {
  const lines = file.text.split('\n')
  const count = lines.at(-1) === '' ? lines.length - 1 : lines.length
  const max = file.path.endsWith('.test.ts') ? testLinesMax : linesMax
  const long =
    count > max ? [{ path: file.path, line: 0, rule: 'file length', detail: `${count} lines, at most ${max}` }] : []
  const code = file.code.split('\n')
  const withoutComments = file.withoutComments.split('\n')
  const wide = lines.flatMap((line, at) =>
    line.length > columnsMax && !isWideByLiteral(code[at]!, withoutComments[at]!)
      ? [
          {
            path: file.path,
            line: at + 1,
            rule: 'line length',
            detail: `${line.length} columns, at most ${columnsMax}`,
          },
        ]
      : [],
  )
  return [...long, ...wide]
}

/** Packages that stand behind a port, and the only places that may know them. */
const guarded: readonly { readonly packages: RegExp; readonly rule: string; readonly may: readonly string[] }[] = [
  {
    packages: /^(?:kafkajs|@platformatic\/kafka|node-rdkafka|@confluentinc\/kafka-javascript)(?:\/|$)/,
    rule: 'Kafka client',
    may: ['processor/kafka/**', 'producer/kafka*.ts', 'producer/kafka/**', 'infra/**', 'bench/**', ...tests],
  },
  {
    packages: /^@kafkajs\/confluent-schema-registry(?:\/|$)/,
    rule: 'registry client',
    may: ['schemas/registry*.ts', ...tests],
  },
  { packages: /^(?:level|classic-level|abstract-level)(?:\/|$)/, rule: 'database', may: ['processor/state/level.ts'] },
  { packages: /^testcontainers(?:\/|$)/, rule: 'containers', may: ['infra/**'] },
  {
    packages: /^(?:vitest|fast-check)(?:\/|$)/,
    rule: 'test library',
    may: ['**/*.config.ts', 'infra/**', ...tests],
  },
]

export const checkPackages = (file: SourceFile): Finding[] =>
  file.imports.flatMap(({ specifier, line }) =>
    guarded
      .filter(({ packages, may }) => packages.test(specifier) && !matches(file.path, may))
      .map(({ rule, may }) => ({
        path: file.path,
        line,
        rule,
        detail: `${specifier} is known only to ${may.filter(glob => !tests.includes(glob)).join(', ')}`,
      })),
  )

const knownTiers = new Set(['', '.sim', '.kafka', '.browser'])

/** A test with a suffix that no tier collects would never run. */
export const checkTestName = (file: SourceFile): Finding[] => {
  const suffix = /^[^.]*((?:\.[^.]+)*)\.test\.ts$/.exec(file.path.split('/').at(-1)!)?.[1]
  if (suffix === undefined || knownTiers.has(suffix)) return []
  const detail = `the suffix ${suffix} belongs to no tier (sim, kafka, browser), so the test would never run`
  return [{ path: file.path, line: 0, rule: 'test tier', detail }]
}

/** Readers and writers of Avro, and the one generator of codecs for state. */
const codeMakers = ['schemas/avro*.ts', 'schemas/avro/**', 'schemas/struct.ts']

/** Code made at run time. */
export const checkGeneratedCode = (file: SourceFile): Finding[] => {
  if (matches(file.path, codeMakers)) return []
  const pattern = /\bnew Function\b|(?<![.\w])Function\s*\(|(?<![.\w])eval\s*\(/g
  return [...file.code.matchAll(pattern)].map(match => ({
    path: file.path,
    line: lineAt(file.code, match.index),
    rule: 'generated code',
    detail: `${match[0]}: only ${codeMakers.join(', ')} make code`,
  }))
}

// Spelled in parts, so that this file does not break its own rule.
const hosts = ['registry.' + 'npmjs', 'registry.' + 'yarnpkg', 'repo.' + 'maven.apache', 'repo1.' + 'maven']
const folders = ['/wo' + 'rk/', '/ro' + 'ot/', '/tmp/' + 'team', '/ho' + 'me/']

/** For every text file of the project, not for code alone. */
export const checkOutsideNames = (path: string, text: string): Finding[] => {
  const finding = (index: number, rule: string, detail: string): Finding => ({
    path,
    line: lineAt(text, index),
    rule,
    detail,
  })
  const hostFindings = hosts.flatMap(host =>
    text.includes(host) ? [finding(text.indexOf(host), 'registry host', `names ${host}`)] : [],
  )
  const folderFindings = folders.flatMap(folder => {
    // A path of this machine starts after something that is not part of a longer path.
    const at = new RegExp(`(?<![\\w./-])${folder}`).exec(text)
    if (at === null || path.endsWith('.test.ts')) return []
    return [finding(at.index, 'absolute path', `names ${folder}`)]
  })
  return [...hostFindings, ...folderFindings]
}

export const checkPackageFiles = (tree: ReadonlyMap<string, string>): Finding[] => {
  const lock = tree.get('package-lock.json') ?? ''
  const manifest = JSON.parse(tree.get('package.json') ?? '{}') as Record<string, Record<string, string> | undefined>
  const resolved = lock.indexOf('"resolved"')
  const findings: Finding[] = []
  if (resolved !== -1) {
    const detail = 'has "resolved" addresses; write it with omit-lockfile-registry-resolved=true (.npmrc)'
    findings.push({ path: 'package-lock.json', line: lineAt(lock, resolved), rule: 'lock file', detail })
  }
  for (const [name, version] of Object.entries({ ...manifest['dependencies'], ...manifest['devDependencies'] })) {
    if (/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)) continue
    findings.push({ path: 'package.json', line: 0, rule: 'exact pin', detail: `${name}: ${version}` })
  }
  return findings
}
