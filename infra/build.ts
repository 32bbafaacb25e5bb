import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'

// `npm run build [-- --out DIR]`: the application as JavaScript, in dist/ (infra/build.tsconfig.json names its entry
// points). Node runs the TypeScript as it is; compiled it starts faster and needs no type stripper in memory.

const root = join(import.meta.dirname, '..')

/** What the code reads at run time and the compiler does not see. */
const dataFiles = /\.avsc$/
const dataFolders = ['schemas']

const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))

const compile = (out: string): void => {
  // Not `.bin/tsc`: an installation without scripts has a `node` there that cannot run.
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const project = join(import.meta.dirname, 'build.tsconfig.json')
  const { status, error } = spawnSync(process.execPath, [tsc, '-p', project, '--outDir', out], { stdio: 'inherit' })
  if (error) throw error
  if (status !== 0) throw new Error(`tsc ended with ${status}: what it complains of stands above.`)
}

const copyData = (out: string): void => {
  for (const folder of dataFolders) {
    for (const file of filesUnder(join(root, folder)).filter(path => dataFiles.test(path))) {
      const target = join(out, relative(root, file))
      mkdirSync(dirname(target), { recursive: true })
      copyFileSync(file, target)
    }
  }
  copyFileSync(join(root, 'LICENSE'), join(out, 'LICENSE'))
}

/** So that Node takes it for modules, and `npm ls` for what it is. */
const writeManifest = (out: string): void => {
  const { name, version, license, type, dependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  ) as Record<string, unknown>
  const exports = { '.': './processor/index.js', './testing': './processor/testing/driver.js' }
  const manifest = { name, version, license, private: true, type, exports, dependencies }
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
}

const withoutComments = (code: string): string => code.replace(/^\s*(?:\/?\*|\/\/).*$/gm, '')

/** The compiler follows imports; a worker's file or a data file named by `new URL(…, import.meta.url)` it does not. */
const missing = (out: string): string[] =>
  filesUnder(out)
    .filter(path => path.endsWith('.js'))
    .flatMap(path =>
      [
        ...withoutComments(readFileSync(path, 'utf8')).matchAll(
          /new URL\(\s*(['"])([^'"]+)\1,\s*import\.meta\.url\s*\)/g,
        ),
      ]
        // A thread's module is named as it is here, and `moduleAt` finds what it was compiled to.
        .map(([, , target]) => target!.replace(/\.ts$/, '.js'))
        .filter(target => !existsSync(join(dirname(path), target)))
        .map(target => `${relative(out, path)} names ${target}`),
    )

const { values } = parseArgs({ options: { out: { type: 'string', default: 'dist' } } })
const out = resolve(root, values.out)
// What is replaced is ours: a folder that has other things in it is not emptied.
if (existsSync(out) && readdirSync(out).length > 0 && !existsSync(join(out, 'processor', 'main.js'))) {
  throw new Error(`${out} is not empty and holds no build. Give another folder with --out.`)
}
for (const entry of existsSync(out) ? readdirSync(out) : []) rmSync(join(out, entry), { recursive: true })
mkdirSync(out, { recursive: true })
compile(out)
copyData(out)
writeManifest(out)
const lost = missing(out)
if (lost.length > 0) {
  throw new Error(`The build lacks files that its code names (a .ts is .js there):\n${lost.join('\n')}`)
}
console.log(`built ${out}`)
