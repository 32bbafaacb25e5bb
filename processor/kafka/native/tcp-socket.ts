import { Buffer } from 'node:buffer'
import net from 'node:net'
import tls from 'node:tls'
import type { BrokerAddress, Clock, Scheduler } from '../../ports.ts'
import { KafkaError } from './protocol/errors.ts'

export interface SocketOptions {
  readonly address: BrokerAddress
  readonly tls: tls.ConnectionOptions | undefined
  readonly timeoutMs: number
  readonly world: { readonly clock: Clock; readonly scheduler: Scheduler }
}

/** Who is told of a socket's life. `received` may look at the chunk only until it returns. */
export interface SocketUser {
  opened(socket: net.Socket): void
  received(chunk: Uint8Array, size: number): void
  closed(cause: Error | null): void
}

/** One read fills it at most; frames are copied out of it, so it serves as long as the socket does. */
const readBufferBytes = 1 << 18

const nameOf = ({ host, port }: BrokerAddress): string => `${host}:${port}`

function connect({ address, tls: tlsOptions }: SocketOptions, user: SocketUser): net.Socket {
  const { host, port } = address
  if (tlsOptions !== undefined) {
    // TLS brings its own buffers; a server name is sent only for names, not for addresses.
    const servername = net.isIP(host) === 0 ? { servername: host } : {}
    const socket = tls.connect({ ...servername, ...tlsOptions, host, port })
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => user.received(chunk, chunk.length))
    return socket
  }
  const onread = {
    buffer: Buffer.allocUnsafeSlow(readBufferBytes),
    callback(size: number, chunk: Uint8Array): boolean {
      user.received(chunk, size)
      return true
    },
  }
  return net.connect({ host, port, noDelay: true, onread })
}

/** Connects within the time limit; rejects with a `KafkaError` (`NETWORK` or `TIMEOUT`). */
export function openSocket(options: SocketOptions, user: SocketUser): Promise<void> {
  const { address, timeoutMs, world } = options
  return new Promise((resolve, reject) => {
    const settled = new AbortController()
    const socket = connect(options, user)
    let cause: Error | null = null
    let open = false
    const refused = (error: KafkaError): void => {
      settled.abort()
      reject(error)
    }
    socket.once(options.tls === undefined ? 'connect' : 'secureConnect', () => {
      open = true
      settled.abort()
      user.opened(socket)
      resolve()
    })
    socket.on('error', error => {
      cause = error
    })
    socket.once('close', () => {
      if (open) return user.closed(cause)
      const why = cause === null ? 'the connection was closed at once' : cause.message
      refused(
        new KafkaError('connect', 'NETWORK', `Cannot connect to the Kafka broker ${nameOf(address)}: ${why}.`, {
          cause,
        }),
      )
    })
    void world.scheduler.sleep(timeoutMs, settled.signal).then(() => {
      if (settled.signal.aborted) return
      const message = `The Kafka broker ${nameOf(address)} did not take a connection within ${timeoutMs} ms.`
      refused(new KafkaError('connect', 'TIMEOUT', message))
      socket.destroy()
    })
  })
}
