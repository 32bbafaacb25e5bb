import type { Compiled } from './compiled.ts'
import { TopologyError } from './errors.ts'

// Topics and state folders are named from these, so they are held to what Kafka allows in a topic's name.

/** Leaves room for the application's name and the endings, within Kafka's 249. */
const lengthMax = 150
export const topicLengthMax = 249

/** The topic that holds every change of the store `store`. */
export const changelogTopic = (application: string, store: string): string => `${application}-${store}-changelog`

/** The topic that carries records to the partition of their new key. */
export const repartitionTopic = (application: string, name: string): string => `${application}-${name}-repartition`

/** All topics that the application makes for itself, in the order of the topology. */
export function internalTopics(compiled: Compiled, application: string): readonly string[] {
  checkName(application, 'The application')
  return [
    ...compiled.repartitions.map(repartition => repartitionTopic(application, repartition.name)),
    ...compiled.subTopologies.flatMap(part => part.stores.map(store => changelogTopic(application, store.name))),
  ]
}

export function checkName(name: string, what: string, longest = lengthMax): void {
  if (/^[a-zA-Z0-9._-]+$/.test(name) && name.length <= longest && name !== '.' && name !== '..') return
  throw new TopologyError(
    `${what} is named '${name}'. Topics are named from it: use 1 to ${longest} letters, digits, '.', '_' and '-'.`,
  )
}

/** Refuses a second use of a name. Kafka refuses topics that differ in '.' and '_' only, so those count as one. */
export class Names {
  readonly #takenBy = new Map<string, { readonly name: string; readonly what: string }>()

  /** `what` says whose name it is: "The store", "The repartition topic". */
  take(name: string, what: string): void {
    checkName(name, what)
    const key = name.replaceAll('.', '_')
    const taken = this.#takenBy.get(key)
    if (taken === undefined) {
      this.#takenBy.set(key, { name, what })
      return
    }
    const both =
      taken.what === what
        ? `${what} '${name}' is defined twice`
        : `${taken.what} '${taken.name}' and ${lower(what)} '${name}' share a name`
    const why = taken.name === name ? '' : `, for Kafka counts '${taken.name}' and '${name}' as one`
    throw new TopologyError(`${both}${why}. Give one of them another name.`)
  }
}

const lower = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

/** The branches of a split: one for each predicate, then the one for the rest. */
export function branchNames(predicates: Readonly<Record<string, unknown>>, otherwise: string | undefined): string[] {
  const names = Object.keys(predicates)
  if (otherwise === undefined) return names
  if (names.includes(otherwise)) {
    throw new TopologyError(
      `A split names two branches '${otherwise}': a predicate and 'otherwise'. Give one of them another name.`,
    )
  }
  return [...names, otherwise]
}
