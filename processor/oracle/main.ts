import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'
import { type GoldenFile, readGoldens } from './golden.ts'
import { freshGoldens } from './live.ts'
import { type OracleOptions, oracleOptions, usage } from './options.ts'
import type { Verdict } from './replay.ts'
import { replayAll, sum, type Tally } from './tally.ts'

// `npm run oracle`: what Kafka Streams did, done by our engine.

const own = join(import.meta.dirname, 'cases')

function line(name: string, verdicts: readonly Verdict[]): string {
  const count = (kind: Verdict['kind']): number => verdicts.filter(verdict => verdict.kind === kind).length
  const rest = [
    count('declared') > 0 ? `${count('declared')} declared` : '',
    count('failed') > 0 ? `${count('failed')} failed` : '',
  ].filter(text => text !== '')
  return `${name.padEnd(16)} ${String(count('passed')).padStart(4)} passed${rest.map(text => `, ${text}`).join('')}`
}

function report({ passed, failed, declared, notBuilt, wrong }: Tally, show: number): void {
  for (const why of wrong.slice(0, show)) console.log(`\n${why}`)
  if (wrong.length > show) console.log(`\n... and ${wrong.length - show} more (--show ${wrong.length} shows all)`)
  console.log('')
  for (const [operator, count] of notBuilt) console.log(`${String(count).padStart(6)} operator not built: ${operator}`)
  for (const [name, count] of declared) console.log(`${String(count).padStart(6)} differ as declared: ${name}`)
  console.log(`${sum(declared)} declared`)
  console.log(`${passed} passed, ${failed} failed`)
}

/** Text of many similar lines: the strongest compression is worth its time, once. */
function pack(from: string): void {
  if (!statSync(from).isDirectory()) throw new Error(`${from} is no folder.`)
  mkdirSync(own, { recursive: true })
  for (const { name } of readGoldens(from)) {
    const text = readFileSync(join(from, `${name}.jsonl`))
    const params = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: text.length }
    const bytes = brotliCompressSync(text, { params })
    writeFileSync(join(own, `${name}.jsonl.br`), bytes)
    console.log(`${name}: ${text.length} bytes, compressed ${bytes.length}`)
  }
}

async function run(options: OracleOptions): Promise<boolean> {
  let files: GoldenFile[]
  if (options.live !== null) files = freshGoldens(options.live, options.only, text => console.log(text))
  else files = readGoldens(options.cases ?? own)
  const tally = await replayAll(files, options.only, (name, verdicts) => console.log(line(name, verdicts)))
  report(tally, options.show)
  if (tally.passed + tally.failed + sum(tally.declared) > 0) return tally.failed === 0
  console.log(`No golden was replayed${options.only === null ? '' : `: none is of '${options.only}'`}.`)
  return false
}

let options: OracleOptions | null = null
try {
  options = oracleOptions(process.argv.slice(2))
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`)
  process.exitCode = 2
}
if (options?.help === true) console.log(usage)
else if (options !== null && options.pack !== null) pack(options.pack)
else if (options !== null && !(await run(options))) process.exitCode = 1
