import { inject } from 'vitest'
import type { Transport } from '../../ports.ts'
import { conformance } from '../conformance.ts'
import { world } from '../conformance-tools.ts'
import { nativeKafka } from './client.ts'
import { tcpTransport } from './tcp.ts'

const bootstrap = inject('kafkaBrokers')
  .split(',')
  .map(address => address.split(':'))
  .map(([host, port]) => ({ host: host!, port: Number(port) }))

conformance('native client, real brokers', async options => {
  const wrap = options?.wrap ?? ((transport: Transport) => transport)
  const kafka = nativeKafka({ transport: wrap(tcpTransport({ bootstrap })), world, clientId: 'conformance' })
  return { kafka, close: () => kafka.close() }
})
