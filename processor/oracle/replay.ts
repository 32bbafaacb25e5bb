import { mismatchOf, showMismatch } from './compare.ts'
import { type Divergence, divergences } from './divergences.ts'
import { expectedOf, type Golden, type Result } from './golden.ts'
import { refusedStep, runCase } from './run-case.ts'
import { NotBuilt } from './topologies.ts'

/** What became of a golden: exactly as the original, different by declaration (and loosely compared), or wrong. */
export type Verdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'declared'; readonly by: string }
  | { readonly kind: 'failed'; readonly why: string; readonly notBuilt: string | null }

/** Replays a golden. `run` is our engine, unless a test puts another one in its place. */
export async function replay(golden: Golden, run: (golden: Golden) => Promise<Result> = runCase): Promise<Verdict> {
  let actual: Result
  try {
    actual = await run(golden)
  } catch (error) {
    const notBuilt = error instanceof NotBuilt ? error.operator : null
    return { kind: 'failed', why: `${golden.id}: ${(error as Error).message}`, notBuilt }
  }
  const expected = expectedOf(golden)
  const mismatch = mismatchOf(golden, expected, actual)
  if (mismatch === null) return { kind: 'passed' }
  const applying = divergences.filter(divergence => divergence.applies(golden))
  const objections = applying.map(divergence => objectionOf(divergence, golden, expected, actual))
  const index = objections.indexOf(null)
  if (index >= 0) return { kind: 'declared', by: applying[index]!.name }
  const loosely = applying.map(({ name }, at) => `\n  compared loosely, as '${name}' is declared: ${objections[at]!}`)
  return { kind: 'failed', why: showMismatch(golden, mismatch) + loosely.join(''), notBuilt: null }
}

/** What a declared divergence does not explain. */
function objectionOf(divergence: Divergence, golden: Golden, expected: Result, actual: Result): string | null {
  if (divergence.isRefused === true) return actual.errorStep === refusedStep ? null : 'it is not refused'
  if (expected.errorStep !== actual.errorStep) return `an error at step ${actual.errorStep ?? expected.errorStep}`
  return divergence.compare(expected.out, actual.out, golden)
}
