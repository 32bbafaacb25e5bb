import { run } from '../run.ts'

// Runs seeds in the tree that it is in until one fails: started by `npm run mutants` in a copy that holds a mutant.

export interface Caught {
  readonly seed: number
  readonly failure: string
}

/** A replica that ends with an error of the mutant proves nothing: an invariant must be broken. */
const named = /^(?:I\d+|R3|F-P5|oracle): /
const seeds = Number(process.argv[2])
let caught: Caught | null = null
for (let seed = 1; seed <= seeds && caught === null; seed++) {
  const failure = (await run(seed)).failures.find(each => named.test(each))
  if (failure !== undefined) caught = { seed, failure }
}
console.log(JSON.stringify(caught))
