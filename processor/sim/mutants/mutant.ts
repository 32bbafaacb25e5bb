/** One place in the source, and what stands there in the mutant. */
export interface Edit {
  /** From the root of the project. */
  readonly file: string
  /** Exactly once in the file, or the mutant no longer applies. */
  readonly find: string
  readonly replace: string
}

/** A bug that others had, put back at the place where ours would be. */
export interface Mutant {
  /** Named as the bug is in `docs/reliability.md`. */
  readonly id: string
  /** What goes wrong. */
  readonly bug: string
  /** Who had it: issue, change or improvement proposal. */
  readonly source: string
  readonly edits: readonly Edit[]
}

/** Every file that the mutant changes, changed. Throws when the source is not what the mutant was made for. */
export function mutated({ id, edits }: Mutant, read: (file: string) => string): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const { file, find, replace } of edits) {
    const text = files.get(file) ?? read(file)
    const places = text.split(find).length - 1
    if (places !== 1) {
      throw new Error(
        `Mutant ${id} does not apply: what it replaces is ${places} times in ${file}, not once. ` +
          'The source has moved on: renew the mutant in processor/sim/mutants.',
      )
    }
    files.set(
      file,
      text.replace(find, () => replace),
    )
  }
  return files
}
