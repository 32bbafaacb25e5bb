/** What a schema registry answers about one id. */
export type RegisteredSchema =
  | { readonly kind: 'avro'; readonly id: number; readonly schema: string; readonly subjects: readonly string[] }
  /** The id exists, but is no Avro schema. */
  | { readonly kind: 'other'; readonly id: number; readonly type: string }
  /** The registry says that it has no such id (40403). */
  | { readonly kind: 'unknown'; readonly id: number }

/**
 * A schema registry, off the hot path. Every method rejects with a `RegistryUnavailable` while the registry cannot be
 * reached or answers 401 or 5xx: that is never the fault of a record, so the caller waits and tries again.
 */
export interface Registry {
  /** The schema with this id. The answer for an id never changes, except from unknown to known. */
  byId(id: number): Promise<RegisteredSchema>
  /** Registers `schema` (Avro as JSON text) under `subject` unless it is there, and returns its id. */
  register(subject: string, schema: string): Promise<number>
}

export class RegistryUnavailable extends Error {
  override readonly name = 'RegistryUnavailable'
}
