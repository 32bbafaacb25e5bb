import { parseArgs } from 'node:util'
import { mutants } from './all.ts'
import { CopiedTree } from './copied-tree.ts'
import type { Mutant } from './mutant.ts'

// `npm run mutants`: known bugs are put back, one at a time, in a copy of the source; the simulator must find each.

const usage = `npm run mutants -- [options]
  --mutant ID    only this one; may be given again: ${mutants.map(({ id }) => id).join(', ')}
  --seeds N      how many seeds each may take (default 2000)`

/** As rows of the table in docs/reliability.md. */
function huntAll(chosen: readonly Mutant[], seeds: number): number {
  const tree = new CopiedTree()
  let missed = 0
  try {
    console.log('| bug | what | first known from | first seed | seconds | caught by |\n|---|---|---|---|---|---|')
    for (const mutant of chosen) {
      const startedMs = performance.now()
      const caught = tree.hunt(mutant, seeds)
      const seconds = (performance.now() - startedMs) / 1000
      if (caught === null) missed++
      const [seed, by] = caught === null ? [`none of ${seeds}`, 'nothing'] : [caught.seed, firstLine(caught.failure)]
      console.log(`| ${mutant.id} | ${mutant.bug} | ${mutant.source} | ${seed} | ${seconds.toFixed(1)} | ${by} |`)
    }
  } finally {
    tree.remove()
  }
  return missed
}

const firstLine = (failure: string): string => failure.split('\n', 1)[0]!.slice(0, 160)

try {
  const options = { mutant: { type: 'string', multiple: true }, seeds: { type: 'string' } } as const
  const { values } = parseArgs({ options })
  const chosen = mutants.filter(({ id }) => values.mutant?.includes(id) ?? true)
  const missed = huntAll(chosen, Number(values.seeds ?? 2000))
  console.log(`${chosen.length - missed} caught, ${missed} not caught`)
  if (missed > 0) process.exitCode = 1
} catch (error) {
  console.error(`${(error as Error).message}\n\n${usage}`)
  process.exitCode = 2
}
