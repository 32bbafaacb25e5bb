import { BlockList, isIPv6 } from 'node:net'
import { AppError } from '../errors.ts'

export interface HttpAddress {
  readonly host: string
  readonly port: number
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || loopback.check(host, isIPv6(host) ? 'ipv6' : 'ipv4')

/**
 * `HOST:PORT`, with an IPv6 address in brackets. Rejects what is not on this machine, unless the server asks others for
 * a token.
 */
export function parseHttpAddress(text: string, asksForToken = false): HttpAddress {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535)
    throw new AppError('CONFIG', `'${text}' is no address: give HOST:PORT, such as 127.0.0.1:9464.`)
  const host = (match[1] ?? match[2])!
  if (isLoopback(host) || asksForToken) return { host, port }
  throw new AppError('CONFIG', openToAll(text))
}

export const openToAll = (where: string): string =>
  `The HTTP server would listen on ${where}, where others can reach it, and it authenticates nobody. Give a loopback ` +
  'address such as 127.0.0.1:9464, or a token that others must have (npm run processor -- --http-token-file FILE).'

export const showAddress = ({ host, port }: HttpAddress): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
