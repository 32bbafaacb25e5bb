import { expect, onTestFinished, test } from 'vitest'
import { mutants } from './all.ts'
import { CopiedTree } from './copied-tree.ts'

// `npm run mutants` hunts them all; that the hunt works is seen from those that are caught soon.

const seeds = 150

test.each(['B15', 'B24'])('mutant %s is caught', id => {
  const tree = new CopiedTree()
  onTestFinished(() => tree.remove())
  const mutant = mutants.find(each => each.id === id)!
  expect(tree.hunt(mutant, seeds)?.failure).toMatch(/^(I\d+|oracle): /)
})
