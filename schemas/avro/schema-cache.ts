import type { RegisteredSchema, Registry } from '../registry.ts'

/**
 * A verdict of refusal serves this many records; then the registry is asked again, so that a late registration is
 * seen.
 */
const refusalsPerAnswer = 100
const maximumAnswers = 10_000

/**
 * What a registry has answered, by id, shared by all serdes that use it. An answer is never replaced, but those that
 * speak against a record (unknown id, another subject) are forgotten after `refusalsPerAnswer` records: no clock
 * decides what becomes of a record, and a topic full of such ids asks once in a hundred records.
 */
export class SchemaCache {
  readonly #registry: Registry
  readonly #answers = new Map<number, RegisteredSchema>()
  /** What was registered here, by id and subject. It tells nothing of the id's other subjects: they may have it too. */
  readonly #registered = new Map<string, RegisteredSchema>()
  readonly #refusals = new Map<number, number>()
  readonly #pending = new Map<number, Promise<void>>()

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** What is known of an id that was met under `subject`; undefined: the registry has to be asked. */
  get(id: number, subject: string): RegisteredSchema | undefined {
    return this.#registered.get(`${id} ${subject}`) ?? this.#answers.get(id)
  }

  /** Asks the registry; one request for an id at a time. Rejects with `RegistryUnavailable`. */
  fetch(id: number): Promise<void> {
    const pending = this.#pending.get(id)
    if (pending !== undefined) return pending
    const asked = this.#ask(id).finally(() => this.#pending.delete(id))
    this.#pending.set(id, asked)
    return asked
  }

  async #ask(id: number): Promise<void> {
    this.#keep(await this.#registry.byId(id))
  }

  /** Registers a schema, and remembers that its id belongs to the subject. */
  async register(subject: string, schema: string): Promise<number> {
    const id = await this.#registry.register(subject, schema)
    this.#registered.set(`${id} ${subject}`, { kind: 'avro', id, schema, subjects: [subject] })
    return id
  }

  /** To be called for each record that an answer refuses. */
  refused(id: number): void {
    const count = (this.#refusals.get(id) ?? 0) + 1
    if (count < refusalsPerAnswer) {
      this.#refusals.set(id, count)
      return
    }
    this.#refusals.delete(id)
    this.#answers.delete(id)
  }

  #keep(answer: RegisteredSchema): void {
    this.#answers.set(answer.id, answer)
    if (this.#answers.size <= maximumAnswers) return
    const oldest = this.#answers.keys().next().value!
    this.#answers.delete(oldest)
    this.#refusals.delete(oldest)
  }
}

const caches = new WeakMap<Registry, SchemaCache>()

export function schemaCacheOf(registry: Registry): SchemaCache {
  let cache = caches.get(registry)
  if (cache === undefined) caches.set(registry, (cache = new SchemaCache(registry)))
  return cache
}
