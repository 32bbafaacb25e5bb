import type { Agent } from 'node:http'
import { createRequire } from 'node:module'
import type ClientModule from '@kafkajs/confluent-schema-registry/dist/api/index.js'
import { RegistryUnavailable, type RegisteredSchema, type Registry } from './registry.ts'

export interface RestRegistryOptions {
  /**
   * The root of the Confluent API (Apicurio: `.../apis/ccompat/v7`). `user:password@` in it is used for basic
   * authentication.
   */
  readonly url: string
  /** For TLS with a client certificate. */
  readonly agent?: Agent
  /** How long a connection may stay silent. */
  readonly timeoutMs?: number
}

const compatibility = 'FULL_TRANSITIVE'
const maximumSchemaCharacters = 1 << 20

/**
 * A schema registry that speaks Confluent's REST API, through the REST client of @kafkajs/confluent-schema-registry.
 *
 * Only its REST client: the library's `getSchema` compiles a schema instead of giving its text, and its `register`
 * fails when a subject's compatibility is not the one asked for. Here a schema that is there is only looked up, which
 * needs no right to write, and the compatibility is set (FULL_TRANSITIVE) for a subject that this registration has
 * made, and never changed.
 *
 * The client reports a lost connection as status 400, so only what the registry cannot mean otherwise is taken for an
 * answer; everything else is `RegistryUnavailable`.
 */
export function restRegistry(options: RestRegistryOptions): Registry {
  return new RestRegistry(options)
}

// CommonJS with a `default` in it, which Node and bundlers unwrap differently: required, it is the same everywhere.
const { default: createClient } = createRequire(import.meta.url)(
  '@kafkajs/confluent-schema-registry/dist/api/index.js',
) as typeof ClientModule

type Client = ReturnType<typeof createClient>

class RestRegistry implements Registry {
  readonly #client: Client
  /** Without user and password: for messages. */
  readonly #place: string
  readonly #timeoutMs: number
  /** Subjects that we have made and whose compatibility is still to be set. */
  readonly #made = new Set<string>()

  constructor({ url, agent, timeoutMs = 10_000 }: RestRegistryOptions) {
    const parsed = parseUrl(url)
    const { username, password } = parsed
    parsed.username = ''
    parsed.password = ''
    this.#place = parsed.href.replace(/\/$/, '')
    this.#timeoutMs = timeoutMs
    this.#client = createClient({
      clientId: 'millrace',
      host: this.#place,
      // Who calls waits and tries again, with its own back-off.
      retry: { retries: 0 },
      ...(username === ''
        ? {}
        : { auth: { username: decodeURIComponent(username), password: decodeURIComponent(password) } }),
      ...(agent === undefined ? {} : { agent }),
    })
  }

  async byId(id: number): Promise<RegisteredSchema> {
    const found = await this.#ask(`schema ${id}`, () => this.#client.Schema.find({ id, ...this.#limits() }))
    if (found === null) return this.#unknown(id)
    const { schema, schemaType } = found as { schema?: unknown; schemaType?: unknown }
    if (typeof schemaType === 'string' && schemaType !== 'AVRO') return { kind: 'other', id, type: schemaType }
    if (typeof schema !== 'string') throw this.#unavailable(`schema ${id}`, 'the answer has no schema in it')
    if (schema.length > maximumSchemaCharacters)
      return { kind: 'other', id, type: `a schema of ${schema.length} characters` }
    // Of /versions and /subjects, which say the same, Apicurio has the first only.
    const versions = await this.#ask(`the subjects of schema ${id}`, () =>
      this.#client.Schema.find({ id, path: '/schemas/ids/{id}/versions', ...this.#limits() }),
    )
    const subjects = Array.isArray(versions) ? versions.map((each: { subject: unknown }) => String(each.subject)) : []
    return { kind: 'avro', id, schema, subjects: [...new Set(subjects)] }
  }

  async register(subject: string, schema: string): Promise<number> {
    // Apicurio takes the same schema with other spaces for another one.
    const body = { schema: JSON.stringify(JSON.parse(schema)) }
    const what = `subject ${subject}`
    const found = await this.#ask(what, () => this.#client.Subject.registered({ subject, body, ...this.#limits() }))
    if (found === null && (await this.#isUntouched(subject))) this.#made.add(subject)
    const { id } = (found ?? (await this.#register(subject, body))) as { id?: unknown }
    if (typeof id !== 'number') throw this.#unavailable(what, 'the answer has no id in it')
    if (this.#made.has(subject)) await this.#setCompatibility(subject)
    return id
  }

  /**
   * Whether there is no such subject, and nobody has set its compatibility beforehand. Asked before registering: of a
   * subject that is there Apicurio always names a compatibility, its own or not.
   */
  async #isUntouched(subject: string): Promise<boolean> {
    const what = `subject ${subject}`
    const latest = await this.#ask(what, () => this.#client.Subject.latestVersion({ subject, ...this.#limits() }))
    if (latest !== null) return false
    return (await this.#ask(what, () => this.#client.Subject.config({ subject, ...this.#limits() }))) === null
  }

  async #register(subject: string, body: object): Promise<unknown> {
    try {
      return (await this.#client.Subject.register({ subject, body, ...this.#limits() })).data()
    } catch (error) {
      const status = statusOf(error)
      if (status !== 403 && status !== 409 && status !== 422)
        throw this.#unavailable(`subject ${subject}`, messageOf(error))
      this.#made.delete(subject)
      throw new Error(
        `The schema registry at ${this.#place} refuses the schema for the subject ${subject} (${status}): ` +
          `${messageOf(error)}. ${advice[status]}`,
      )
    }
  }

  /** Refused for good (a registry without such settings, no right to it): the registry's own default holds. */
  async #setCompatibility(subject: string): Promise<void> {
    try {
      await this.#client.Subject.updateConfig({ subject, body: { compatibility }, ...this.#limits() })
    } catch (error) {
      const status = statusOf(error)
      if (status >= 500 || status === 400 || status === 401)
        throw this.#unavailable(`the compatibility of ${subject}`, messageOf(error))
    }
    this.#made.delete(subject)
  }

  /** A 404 is the registry's answer only if it is a registry that answers: a wrong path gives 404 to everything. */
  async #unknown(id: number): Promise<RegisteredSchema> {
    const subjects = await this.#ask('the list of subjects', () => this.#client.Subject.all(this.#limits()))
    if (!Array.isArray(subjects))
      throw this.#unavailable(`schema ${id}`, 'nothing there answers as a schema registry does')
    return { kind: 'unknown', id }
  }

  /** What the registry answers; null: 404. */
  async #ask(what: string, request: () => Promise<{ data(): unknown }>): Promise<unknown> {
    try {
      return (await request()).data()
    } catch (error) {
      if (statusOf(error) === 404) return null
      throw this.#unavailable(what, messageOf(error))
    }
  }

  #limits(): { timeout: number } {
    return { timeout: this.#timeoutMs }
  }

  #unavailable(what: string, why: string): RegistryUnavailable {
    return new RegistryUnavailable(`The schema registry at ${this.#place} gives no answer about ${what}: ${why}`)
  }
}

const advice: Readonly<Record<number, string>> = {
  403: 'Register it with an account that may, or give this one the right.',
  409: 'It is not compatible with those before it: give new fields defaults and keep the old ones.',
  422: 'It is no schema that the registry can read.',
}

/** The message never repeats the URL, which may hold a password. */
function parseUrl(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (parsed === null || (parsed.protocol !== 'http:' && parsed.protocol !== 'https:')) {
    throw new TypeError('The URL of the schema registry is no http(s) URL. Give one such as http://localhost:8081.')
  }
  return parsed
}

const statusOf = (error: unknown): number => Number((error as { status?: unknown }).status ?? 0)
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 300)
