import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '..')

/**
 * Runs the TypeScript of a page of the docs as it stands there, so that its own assertions are the test. Inside the
 * project, where `millrace` is found as its users find it. Says what tsc has against it: nothing, in the best case.
 */
export async function runExample(page: string): Promise<string> {
  const code = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(match => match[1]!).join('\n')
  mkdirSync(join(root, '.work'), { recursive: true })
  const folder = mkdtempSync(join(root, '.work', 'example-'))
  try {
    writeFileSync(join(folder, 'example.ts'), code)
    await import(pathToFileURL(join(folder, 'example.ts')).href)
    const project = JSON.stringify({ extends: '../../tsconfig.json', include: ['example.ts'] })
    writeFileSync(join(folder, 'tsconfig.json'), project)
    return spawnSync(join(root, 'node_modules', '.bin', 'tsc'), ['-p', folder], { encoding: 'utf8' }).stdout
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
