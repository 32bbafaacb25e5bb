import type { ConnectionOptions } from 'node:tls'
import type { BrokerAddress, Channel, Clock, Scheduler, Transport } from '../../ports.ts'
import { silentLog, systemWorld } from '../../world.ts'
import { openSocket } from './tcp-socket.ts'
import { TcpChannel } from './tcp-channel.ts'

export interface TcpOptions {
  readonly bootstrap: readonly BrokerAddress[]
  /** Encrypts every connection; `{}` with Node's defaults. Without it connections are plain. */
  readonly tls?: ConnectionOptions
  /** Clock and timers; those of the process unless said. */
  readonly world?: { readonly clock: Clock; readonly scheduler: Scheduler }
}

/** Kafka brokers over TCP or TLS, with framing of our own. Authentication by SASL is not supported yet. */
export function tcpTransport(options: TcpOptions): Transport {
  const world = options.world ?? systemWorld(silentLog)
  return {
    bootstrap: options.bootstrap,
    releasesBytes: true,
    async connect(address, { clientId, timeoutMs }): Promise<Channel> {
      const channel = new TcpChannel({ address, clientId, timeoutMs, world })
      await openSocket({ address, tls: options.tls, timeoutMs, world }, channel)
      return channel
    },
  }
}
