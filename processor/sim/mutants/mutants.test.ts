import { expect, test } from 'vitest'
// Never called here: whoever changes what a mutant changes is to run this test, and this says what it depends on.
import '../run.ts'
import { mutants } from './all.ts'
import { readSource } from './copied-tree.ts'
import { mutated } from './mutant.ts'

test.each(mutants)('mutant $id applies to the source as it is', mutant => {
  for (const [file, text] of mutated(mutant, readSource)) expect(text).not.toBe(readSource(file))
})

test('a mutant whose place in the source is gone, or is there twice, is not passed over', () => {
  const edit = { file: 'a.ts', find: 'one', replace: 'two' }
  const mutant = { id: 'B0', bug: '', source: '', edits: [edit] }
  expect(mutated(mutant, () => 'one $&').get('a.ts')).toBe('two $&')
  expect(() => mutated(mutant, () => 'nothing')).toThrow(/B0 does not apply: .* 0 times in a\.ts/)
  expect(() => mutated(mutant, () => 'one one')).toThrow(/2 times/)
})
