import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

// As much of Confluent's REST API as the adapter uses, over a real socket, for its unit tests.

interface Version {
  readonly id: number
  readonly schema: string
}

export class RegistryStub {
  /** `METHOD path` of each request. */
  readonly requests: string[] = []
  readonly authorizations: (string | undefined)[] = []
  readonly configs = new Map<string, string>()
  readonly subjects = new Map<string, Version[]>()
  /** Ids that are no Avro, with their type. */
  readonly others = new Map<number, string>()
  /** What to answer instead: a status and a body, or nothing at all. */
  fault: ((method: string, path: string) => { status: number; body: string } | 'silence' | undefined) | undefined
  readonly #server: Server
  #ids = 0

  constructor() {
    this.#server = createServer((request, response) => {
      void readAll(request).then(body => {
        const path = decodeURIComponent(request.url!)
        this.requests.push(`${request.method!} ${path}`)
        this.authorizations.push(request.headers.authorization)
        const fault = this.fault?.(request.method!, path)
        if (fault === 'silence') return
        const answer = fault ?? this.#answer(request.method!, path.split('/').slice(1), body)
        response.writeHead(answer.status, { 'content-type': 'application/vnd.schemaregistry.v1+json' }).end(answer.body)
      })
    })
  }

  async open(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve))
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise(resolve => this.#server.close(resolve))
  }

  #answer(method: string, path: string[], body: string): { status: number; body: string } {
    const json = (value: unknown, status = 200): { status: number; body: string } => ({
      status,
      body: JSON.stringify(value),
    })
    const missing = (code: number): { status: number; body: string } =>
      json({ error_code: code, message: `not found (${code})` }, 404)
    const [root, name = '', action, version] = path
    if (root === 'subjects' && name === '') return json([...this.subjects.keys()])
    if (root === 'schemas') {
      const id = Number(action)
      if (this.others.has(id)) return json({ schema: 'syntax = "proto3";', schemaType: this.others.get(id) })
      const found = [...this.subjects].filter(([, versions]) => versions.some(each => each.id === id))
      if (found.length === 0) return missing(40403)
      if (version === 'versions') return json(found.map(([subject]) => ({ subject, version: 1 })))
      return json({ schema: found[0]![1].find(each => each.id === id)!.schema })
    }
    if (root === 'config') {
      if (method === 'PUT') this.configs.set(name, JSON.parse(body).compatibility)
      const level = this.configs.get(name)
      return level === undefined ? missing(40408) : json({ compatibilityLevel: level })
    }
    const versions = this.subjects.get(name)
    if (method === 'GET')
      return versions === undefined ? missing(40401) : json({ ...versions.at(-1)!, version: versions.length })
    const schema = JSON.stringify(JSON.parse(JSON.parse(body).schema))
    const known = [...this.subjects.values()].flat().find(each => each.schema === schema)
    if (action === undefined) {
      const own = versions?.find(each => each.schema === schema)
      return own === undefined ? missing(versions === undefined ? 40401 : 40403) : json(own)
    }
    const added = known ?? { id: ++this.#ids, schema }
    this.subjects.set(name, [...(versions ?? []), added])
    return json({ id: added.id })
  }
}

async function readAll(request: IncomingMessage): Promise<string> {
  let body = ''
  for await (const chunk of request.setEncoding('utf8')) body += chunk
  return body
}
