import { storeFormat, type StoreMeta } from './meta.ts'

/** One named store of a task, as its definition and its changelog topic say. */
export interface StoreDefinition {
  readonly name: string
  /** Stores with several kinds of entries tell them apart by one byte in front of each key. */
  readonly hasKinds: boolean
  readonly changelogId: string
}

export interface TaskIdentity {
  readonly clusterId: string
  readonly application: string
  readonly task: string
}

/** Why a store on disk cannot be used and is thrown away. */
export type Unusable = string

/** What speaks against a store that was found, or null. */
export function mismatch(
  meta: StoreMeta,
  identity: TaskIdentity,
  definitions: readonly StoreDefinition[],
): Unusable | null {
  if (meta.format !== storeFormat) return `its format is ${meta.format}, not ${storeFormat}`
  if (meta.clusterId !== identity.clusterId) return 'it belongs to another Kafka cluster'
  if (meta.application !== identity.application) return `it belongs to the application '${meta.application}'`
  if (meta.task !== identity.task) return `it belongs to task ${meta.task}`
  const names = (list: readonly { name: string }[]) => list.map(({ name }) => name).join(', ')
  if (names(meta.stores) !== names(definitions)) return `it holds the stores ${names(meta.stores)}`
  for (const [index, mark] of meta.stores.entries()) {
    if (mark.changelogId !== definitions[index]!.changelogId)
      return `the changelog of '${mark.name}' is another topic now`
  }
  return null
}
