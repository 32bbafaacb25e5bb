import { run } from '../run.ts'

// Runs seeds in the tree that it is in until one fails: started by `npm run mutants` in a copy that holds a mutant.

export interface Caught {
  readonly seed: number
  readonly failure: string
}

const seeds = Number(process.argv[2])
let caught: Caught | null = null
for (let seed = 1; seed <= seeds && caught === null; seed++) {
  const [failure] = (await run(seed)).failures
  if (failure !== undefined) caught = { seed, failure }
}
console.log(JSON.stringify(caught))
