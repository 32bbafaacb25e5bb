import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

// The processor serves metrics to its own machine only, for it authenticates nobody, and in a container that is the
// container. This door lets a Prometheus beside it in, and no one else: it takes `GET /metrics` with a bearer token and
// asks the processor for it.

export interface DoorOptions {
  readonly host: string
  readonly port: number
  readonly token: string
  /** Address of the processor's own server. */
  readonly target: string
}

/** How long the processor may take; Prometheus gives up after ten seconds itself. */
const timeoutMs = 8_000
const tokenCharactersMin = 32

/** Resolves when it listens. It does not keep the process alive. */
export const openDoor = (options: DoorOptions): Promise<Server> => {
  if (options.token.length < tokenCharactersMin)
    throw new Error(`The metrics token has ${options.token.length} characters; give at least ${tokenCharactersMin}.`)
  const wanted = digest(`Bearer ${options.token}`)
  const server = createServer((incoming, response) => answer(incoming, response, wanted, options.target))
  server.maxConnections = 32
  server.unref()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: options.host, port: options.port }, () => {
      server.removeListener('error', reject)
      resolve(server)
    })
  })
}

/** Digests have one length, so that comparing them tells nothing about the token, not even how long it is. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

const answer = (incoming: IncomingMessage, response: ServerResponse, wanted: Buffer, target: string): void => {
  if (!timingSafeEqual(digest(incoming.headers.authorization ?? ''), wanted)) {
    response.setHeader('www-authenticate', 'Bearer')
    refuse(response, 401, 'A bearer token is needed.')
  } else if (incoming.url !== '/metrics') refuse(response, 404, 'There is /metrics.')
  else if (incoming.method !== 'GET') refuse(response, 405, 'Only GET.')
  else pass(response, `${target}/metrics`)
}

const refuse = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
}

const pass = (response: ServerResponse, url: string): void => {
  const outgoing = request(url, { timeout: timeoutMs }, found => {
    response.writeHead(found.statusCode ?? 502, { 'content-type': found.headers['content-type'] ?? 'text/plain' })
    found.pipe(response)
  })
  outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)))
  outgoing.on('error', error => {
    if (response.headersSent) response.destroy()
    else refuse(response, 502, `The processor does not answer: ${error.message}.`)
  })
  outgoing.end()
}
