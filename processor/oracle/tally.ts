import type { Golden, GoldenFile } from './golden.ts'
import { replay, type Verdict } from './replay.ts'

/** What became of many goldens. */
export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly declared: ReadonlyMap<string, number>
  /** Failures for want of an operator, by its name. */
  readonly notBuilt: ReadonlyMap<string, number>
  /** All other failures. */
  readonly wrong: readonly string[]
}

export const matches = (golden: Golden, file: string, only: string | null): boolean =>
  only === null || golden.topology === only || file === only || golden.id.startsWith(only)

/** Replays goldens one after the other; `onFile` hears of each file when it is through. */
export async function replayAll(
  files: readonly GoldenFile[],
  only: string | null = null,
  onFile: (name: string, verdicts: readonly Verdict[]) => void = () => undefined,
): Promise<Tally> {
  const declared = new Map<string, number>()
  const notBuilt = new Map<string, number>()
  const wrong: string[] = []
  let passed = 0
  const count = (counts: Map<string, number>, name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1)
  for (const { name, cases } of files) {
    const verdicts: Verdict[] = []
    for (const golden of cases) {
      if (!matches(golden, name, only)) continue
      const verdict = await replay(golden)
      verdicts.push(verdict)
      if (verdict.kind === 'passed') passed++
      else if (verdict.kind === 'declared') count(declared, verdict.by)
      else if (verdict.notBuilt !== null) count(notBuilt, verdict.notBuilt)
      else wrong.push(verdict.why)
    }
    if (verdicts.length > 0) onFile(name, verdicts)
  }
  return { passed, failed: wrong.length + sum(notBuilt), declared, notBuilt, wrong }
}

export const sum = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((all, count) => all + count, 0)
