import { connect } from 'node:net'

// Asks a broker whether it takes part in its cluster, with one Metadata request (version 4) and no client library:
// while a broker is starting, clients log errors and wait longer than it takes.

const metadataV4 = (): Buffer => {
  const clientId = Buffer.from('millrace-probe')
  const body = Buffer.alloc(4 + 2 + 2 + 4 + 2 + clientId.length + 4 + 1)
  let at = body.writeInt32BE(body.length - 4, 0)
  at = body.writeInt16BE(3, at) // Metadata
  at = body.writeInt16BE(4, at) // version
  at = body.writeInt32BE(1, at) // correlation id
  at = body.writeInt16BE(clientId.length, at)
  at += clientId.copy(body, at)
  at = body.writeInt32BE(0, at) // no topics
  body.writeInt8(0, at) // do not create topics
  return body
}

/** True once the broker answers and is unfenced: it names at least one broker, itself. Never throws. */
export const brokerReady = (host: string, port: number, timeoutMs = 2_000): Promise<boolean> =>
  new Promise(resolve => {
    const socket = connect({ host, port })
    let received = Buffer.alloc(0)
    const done = (ready: boolean): void => {
      socket.destroy()
      resolve(ready)
    }
    socket.setTimeout(timeoutMs, () => done(false))
    socket.on('error', () => done(false))
    socket.on('close', () => done(false))
    socket.on('connect', () => socket.write(metadataV4()))
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      // Length, correlation id, throttle time, then the number of brokers.
      if (received.length >= 16) done(received.readInt32BE(12) > 0)
    })
  })

/** The same for a list such as `KAFKA_BROKERS`: true when one of them is ready. */
export const anyBrokerReady = async (brokers: string): Promise<boolean> => {
  for (const address of brokers.split(',')) {
    const colon = address.lastIndexOf(':')
    if (await brokerReady(address.slice(0, colon).trim(), Number(address.slice(colon + 1)), 5_000)) return true
  }
  return false
}
