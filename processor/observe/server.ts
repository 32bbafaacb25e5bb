import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { AppError } from '../errors.ts'
import { type HttpAddress, isLoopback, openToAll, showAddress } from './address.ts'
import { type BearerCheck, bearerCheck } from './bearer.ts'
import { isLive, readiness } from './health.ts'
import type { Metrics } from './metrics.ts'
import type { Read } from './readings.ts'

export interface ServerOptions {
  readonly address: HttpAddress
  readonly metrics: Metrics
  readonly read: Read
  /** Who asks must have it, as a bearer token. Without one it listens on loopback addresses only. */
  readonly token?: string
}

export interface ObserveServer {
  /** Where it listens: with the port that was free. */
  readonly address: HttpAddress
  readonly url: string
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** Ports that are tried, one after the other. */
const portsTried = 100
/** Nobody is to hold more: a scraper and a few probes ask. */
const connectionsMost = 64

/**
 * Serves `/metrics`, `/health/live` and `/health/ready`: on a loopback address to everybody there, on any address to
 * who has the token. Without the token the health paths answer with their status alone, for probes hold no secrets. A
 * port that is taken (of a run that is still there) is no reason to fail: the next free one is used, and told by
 * `address`.
 */
export async function startServer(options: ServerOptions): Promise<ObserveServer> {
  const { host, port } = options.address
  const check = options.token === undefined ? null : bearerCheck(options.token)
  if (check === null && !isLoopback(host)) throw new AppError('CONFIG', openToAll(showAddress(options.address)))
  const server = createServer((request, response) => void handle(options, check, request, response))
  server.maxConnections = connectionsMost
  const last = port === 0 ? 0 : Math.min(65_535, port + portsTried - 1)
  for (let tried = port; tried <= last; tried++) {
    const bound = await listen(server, host, tried)
    if (bound === null) continue
    // Scrapes do not keep a process alive that has nothing else to do.
    server.unref()
    const address = { host, port: bound }
    return { address, url: `http://${showAddress(address)}`, close: () => close(server) }
  }
  throw new AppError(
    'CONFIG',
    `The ports ${port} to ${last} of ${host} are all taken. Choose another with --http HOST:PORT.`,
  )
}

/** The port; null: it is taken. */
function listen(server: Server, host: string, port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      server.removeListener('listening', listening)
      if (error.code === 'EADDRINUSE') resolve(null)
      else
        reject(
          new AppError('CONFIG', `The HTTP server cannot listen on ${showAddress({ host, port })}: ${error.message}.`, {
            cause: error,
          }),
        )
    }
    const listening = (): void => {
      server.removeListener('error', failed)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    }
    server.once('error', failed)
    server.once('listening', listening)
    server.listen({ host, port })
  })
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

async function handle(
  options: ServerOptions,
  check: BearerCheck | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let answer: Answer
  try {
    answer = await answerTo(options, check, request)
  } catch (error) {
    answer = text(500, error instanceof Error ? error.message : String(error))
  }
  response.writeHead(answer.status, {
    ...(answer.status === 401 && { 'www-authenticate': 'Bearer' }),
    'content-type': answer.type,
    'content-length': Buffer.byteLength(answer.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(request.method === 'HEAD' ? undefined : answer.body)
}

async function answerTo(
  { metrics, read }: ServerOptions,
  check: BearerCheck | null,
  request: IncomingMessage,
): Promise<Answer> {
  // A page of another site that has its name point here (DNS rebinding) is told by the name it asks for; it has no
  // token.
  if (check === null && !isLocalName(request.headers.host))
    return text(403, 'This server answers to loopback names only.')
  const isTrusted = check === null || check(request.headers.authorization)
  const path = request.url?.split('?', 1)[0] ?? ''
  if (!isTrusted && !path.startsWith('/health/')) return text(401, 'A bearer token is needed.')
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'Only GET.')
  switch (path) {
    case '/metrics':
      return { status: 200, type: metrics.contentType, body: await metrics.text() }
    case '/health/live':
      return isLive(read()) ? text(200, 'live') : text(503, 'failed')
    case '/health/ready': {
      const health = readiness(read())
      const status = health.isReady ? 200 : 503
      if (!isTrusted) return text(status, health.isReady ? 'ready' : 'not ready')
      return { status, type: 'application/json', body: `${JSON.stringify(health.body)}\n` }
    }
    default:
      return text(404, 'Not here. There are /metrics, /health/live and /health/ready.')
  }
}

const text = (status: number, body: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
})

function isLocalName(host: string | undefined): boolean {
  if (host === undefined) return false
  const name = /^(?:\[([^\]]+)\]|([^:]+))(?::\d+)?$/.exec(host)
  return name !== null && isLoopback((name[1] ?? name[2])!)
}
