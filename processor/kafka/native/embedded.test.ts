import { afterAll } from 'vitest'
import { embeddedBroker } from '../../embedded/broker.ts'
import type { Transport } from '../../ports.ts'
import { conformance } from '../conformance.ts'
import { world } from '../conformance-tools.ts'
import { nativeKafka } from './client.ts'

const broker = embeddedBroker({ world, brokers: 3 })
afterAll(() => broker.close())

conformance('native client, embedded brokers', async options => {
  const wrap = options?.wrap ?? ((transport: Transport) => transport)
  const kafka = nativeKafka({ transport: wrap(broker.transport()), world, clientId: 'conformance' })
  return { kafka, close: () => kafka.close() }
})
