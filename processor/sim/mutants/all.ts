import { clientMutants } from './client-mutants.ts'
import { engineMutants } from './engine-mutants.ts'
import type { Mutant } from './mutant.ts'

export const mutants: readonly Mutant[] = [...clientMutants, ...engineMutants]
