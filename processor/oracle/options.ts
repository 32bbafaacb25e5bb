import { parseArgs } from 'node:util'

export interface OracleOptions {
  /** A folder of goldens, or one file; null: those of the repository. */
  readonly cases: string | null
  /** Only goldens whose topology or file has this name, or whose id begins with it. */
  readonly only: string | null
  /** Fresh cases of each topology, made with the original. */
  readonly live: { readonly count: number; readonly seed: number; readonly harness: string } | null
  /** Files to be compressed into the repository. */
  readonly pack: string | null
  /** Mismatches shown in full. */
  readonly show: number
  readonly help: boolean
}

export const usage = `npm run oracle -- [options]
Replays goldens of Kafka Streams through our engine. Ends with 'N declared' and 'N passed, N failed'.

  --cases DIR      goldens (*.jsonl, *.jsonl.br) of a folder; default: those of the repository
  --case FILE      goldens of one file
  --only NAME      of one topology or file, or those whose id begins with NAME
  --show N         shows so many mismatches in full (default 20)
  --live N         N fresh cases of each kind, made with the Java original: needs Java 17, Maven, and the harness
  --seed N         of the fresh cases (default 1)
  --harness DIR    where the Java harness is (default ../shared/oracle)
  --pack DIR       copies the goldens of a folder into the repository, compressed
  --help           this text

A case that differs as processor/oracle/divergences.ts declares is compared loosely: it counts
as declared, never as passed. A case whose operator does not exist yet counts as failed.`

/** Throws what is wrong with the arguments. */
export function oracleOptions(args: readonly string[]): OracleOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      cases: { type: 'string' },
      case: { type: 'string' },
      only: { type: 'string' },
      show: { type: 'string' },
      live: { type: 'string' },
      seed: { type: 'string' },
      harness: { type: 'string' },
      pack: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  if (values.cases !== undefined && values.case !== undefined)
    throw new Error('--cases and --case are given: one of them says where the goldens are.')
  if (values.live === undefined && (values.seed !== undefined || values.harness !== undefined))
    throw new Error('--seed and --harness are about fresh cases: add --live N.')
  const { live, seed = '1', harness = '../shared/oracle' } = values
  return {
    cases: values.cases ?? values.case ?? null,
    only: values.only ?? null,
    live: live === undefined ? null : { count: whole('--live', live, 1), seed: whole('--seed', seed, 0), harness },
    pack: values.pack ?? null,
    show: whole('--show', values.show ?? '20', 0),
    help: values.help ?? false,
  }
}

function whole(option: string, text: string, least: number): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value
  throw new Error(`${option} is '${text}'. Give a whole number of at least ${least}.`)
}
