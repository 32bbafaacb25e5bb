import { closestName } from '../schemas/closest-name.ts'

/** `; did you mean "x"?` when a known name is close to `name`, else nothing. For error messages. */
export function didYouMean(name: string, known: Iterable<string>): string {
  const near = closestName(name, known)
  return near === null ? '' : `; did you mean "${near}"?`
}
