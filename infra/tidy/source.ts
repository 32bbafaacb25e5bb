import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'

// Source files as the tidy rules see them: text, code without comments and strings, and imports.

export interface Import {
  /** As written. */
  readonly specifier: string
  /** The path inside the tree for a relative import, else null. */
  readonly target: string | null
  readonly line: number
}

export interface SourceFile {
  readonly path: string
  readonly text: string
  /** The text with comments and the insides of strings blanked; positions and lines are the same. */
  readonly code: string
  /** The text with comments blanked only. */
  readonly withoutComments: string
  readonly imports: readonly Import[]
}

export interface Finding {
  readonly path: string
  /** 0 where the file as a whole is meant. */
  readonly line: number
  readonly rule: string
  readonly detail: string
}

export const showFinding = (finding: Finding): string =>
  `${finding.path}${finding.line > 0 ? `:${finding.line}` : ''}: ${finding.rule}: ${finding.detail}`

export const lineAt = (text: string, index: number): number => {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < index; at = text.indexOf('\n', at + 1)) line++
  return line
}

// One token that hides code: comments, strings, templates. A regular expression literal is recognised by what stands
// before it.
const hiding = new RegExp(
  [
    String.raw`\/\/[^\n]*`,
    String.raw`\/\*[\s\S]*?\*\/`,
    String.raw`'(?:\\[\s\S]|[^'\\\n])*'`,
    String.raw`"(?:\\[\s\S]|[^"\\\n])*"`,
    // A template, with `${}` in it that may hold braces and one more template.
    '`(?:\\\\[\\s\\S]|\\$\\{(?:[^`{}]|`[^`]*`|\\{[^{}]*\\})*\\}|[^`\\\\])*`',
    String.raw`(?<=[=(,:[!&|?{};+\n]\s*|\breturn\s+)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/`,
  ].join('|'),
  'g',
)

const spaces = (text: string): string => text.replace(/[^\n]/g, ' ')

const isComment = (token: string): boolean => token.startsWith('//') || token.startsWith('/*')

/** Code inside `${}` of a template stays visible: it may read the clock as well as any other code. */
const blankTemplate = (token: string): string => {
  const inner = /\$\{((?:[^`{}]|`[^`]*`|\{[^{}]*\})*)\}/g
  let shown = ''
  let from = 0
  for (const match of token.matchAll(inner)) {
    shown += spaces(token.slice(from, match.index)) + '  ' + blankCode(match[1]!) + ' '
    from = match.index + match[0].length
  }
  return shown + spaces(token.slice(from))
}

const blankCode = (text: string): string =>
  text.replace(hiding, token => (token.startsWith('`') ? blankTemplate(token) : spaces(token)))

const importForm = /\b(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g

export const parseSource = (path: string, text: string): SourceFile => {
  const withoutComments = text.replace(hiding, token => (isComment(token) ? spaces(token) : token))
  const code = blankCode(text)
  const imports: Import[] = []
  for (const match of withoutComments.matchAll(importForm)) {
    // Text inside a string that looks like an import is blank in `code`.
    if (code[match.index] === ' ') continue
    const specifier = match[2]!
    const target = specifier.startsWith('.') ? posix.normalize(posix.join(posix.dirname(path), specifier)) : null
    imports.push({ specifier, target, line: lineAt(text, match.index) })
  }
  return { path, text, code, withoutComments, imports }
}

const skipped = new Set(['node_modules', '.git', '.work', 'dist', 'state', 'coverage'])

/**
 * Paths of the project's files, relative to `root`, sorted. A folder named `state` is skipped at the top only: it holds
 * data there.
 */
export const listFiles = (root: string, folder = ''): string[] =>
  readdirSync(join(root, folder), { withFileTypes: true })
    .flatMap(entry => {
      const path = posix.join(folder, entry.name)
      // Files too: in a worktree `.git` is one.
      if (skipped.has(path) || entry.name === 'node_modules') return []
      if (entry.isFile()) return [path]
      if (!entry.isDirectory()) return []
      return listFiles(root, path)
    })
    .sort()

export const readTree = (root: string): ReadonlyMap<string, string> =>
  new Map(listFiles(root).map(path => [path, readFileSync(join(root, path), 'utf8')]))
