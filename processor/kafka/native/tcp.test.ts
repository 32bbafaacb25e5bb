import { Buffer } from 'node:buffer'
import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import type { BrokerAddress, Channel } from '../../ports.ts'
import { decodeRequest, encodeResponse, type DecodedRequest } from './protocol/apis.ts'
import { FrameReader } from './tcp-frames.ts'
import { tcpTransport, type TcpOptions } from './tcp.ts'

type Answer = (request: DecodedRequest, socket: net.Socket) => void

const closing: (() => void)[] = []

afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const reply = (socket: net.Socket, { api, version, correlationId }: DecodedRequest, body: object): void => {
  for (const chunk of encodeResponse(api, version, body, correlationId)) socket.write(chunk)
}

const serve =
  (answer: Answer) =>
  (socket: net.Socket): void => {
    const frames = new FrameReader(frame => answer(decodeRequest(frame), socket))
    socket.on('data', (chunk: Buffer) => frames.push(chunk, chunk.length))
    socket.on('error', () => {})
    closing.push(() => socket.destroy())
  }

const listen = async (server: net.Server): Promise<BrokerAddress> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  return { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port }
}

const connect = async (
  address: BrokerAddress,
  options: Partial<TcpOptions> = {},
  timeoutMs = 10_000,
): Promise<Channel> => {
  const transport = tcpTransport({ bootstrap: [address], ...options })
  const channel = await transport.connect(transport.bootstrap[0]!, { clientId: 'test', timeoutMs })
  closing.push(() => channel.close())
  return channel
}

const channelTo = async (answer: Answer, timeoutMs?: number): Promise<Channel> =>
  connect(await listen(net.createServer(serve(answer))), {}, timeoutMs)

const heartbeat = (generationId: number): object => ({ groupId: 'g', generationId, memberId: 'm' })

test('requests are sent as Kafka reads them, and answered by correlation id', async () => {
  const seen: DecodedRequest[] = []
  const channel = await channelTo((request, socket) => {
    seen.push(request)
    if (seen.length < 3) return
    // Backwards, to show that the order of answers does not matter here.
    for (const one of seen.toReversed())
      reply(socket, one, { errorCode: (one.body as { generationId: number }).generationId })
  })
  const answers = await Promise.all([5, 6, 7].map(generation => channel.request('Heartbeat', 4, heartbeat(generation))))
  expect(answers).toEqual([5, 6, 7].map(errorCode => ({ throttleTimeMs: 0, errorCode })))
  expect(seen.map(({ clientId, api, version }) => [clientId, api, version])).toEqual(
    Array(3).fill(['test', 'Heartbeat', 4]),
  )
})

test('a large answer comes whole, in a buffer of its own that later reads leave alone', async () => {
  const channel = await channelTo((request, socket) => {
    const fill = (request.body as { maxWaitMs: number }).maxWaitMs
    const records = Buffer.alloc(3_000_000, fill)
    reply(socket, request, { responses: [{ topic: 't', partitions: [{ partitionIndex: 0, records }] }] })
  })
  const fetch = async (fill: number): Promise<Buffer> => {
    const answer = await channel.request<{ responses: { partitions: { records: Buffer }[] }[] }>('Fetch', 12, {
      maxWaitMs: fill,
    })
    return answer.responses[0]!.partitions[0]!.records
  }
  const [first, second] = await Promise.all([fetch(1), fetch(2)])
  expect(first.equals(Buffer.alloc(3_000_000, 1))).toBe(true)
  expect(second.equals(Buffer.alloc(3_000_000, 2))).toBe(true)
})

test('record batches in several buffers arrive as one', async () => {
  let received: Buffer | undefined
  const channel = await channelTo((request, socket) => {
    const body = request.body as { topicData: { partitionData: { records: Buffer }[] }[] }
    received = body.topicData[0]!.partitionData[0]!.records
    reply(socket, request, { responses: [] })
  })
  const records = [Buffer.alloc(100_000, 1), Buffer.alloc(10, 2), Buffer.alloc(70_000, 3)]
  await channel.request('Produce', 12, { acks: -1, topicData: [{ name: 't', partitionData: [{ index: 0, records }] }] })
  expect(received?.equals(Buffer.concat(records))).toBe(true)
})

test('when the socket closes, all that waits is rejected and the channel is not open any more', async () => {
  let requests = 0
  const channel = await channelTo((_, socket) => {
    if (++requests === 3) socket.destroy()
  })
  const results = await Promise.allSettled(
    [1, 2, 3].map(generation => channel.request('Heartbeat', 4, heartbeat(generation))),
  )
  const lost = {
    status: 'rejected',
    reason: { api: 'Heartbeat', error: 'NETWORK', code: 'KAFKA_RETRIABLE', retriable: true },
  }
  expect(results).toMatchObject([lost, lost, lost])
  expect(channel.open).toBe(false)
  await expect(channel.request('Heartbeat', 4, heartbeat(1))).rejects.toMatchObject({ error: 'NETWORK' })
})

test('closing rejects what waits', async () => {
  const channel = await channelTo(() => channel.close())
  await expect(channel.request('Heartbeat', 4, heartbeat(1))).rejects.toMatchObject({
    error: 'NETWORK',
    message: expect.stringContaining('closed by this side'),
  })
  expect(channel.open).toBe(false)
})

test('an answer that cannot be read rejects its request, and the channel closes', async () => {
  const channel = await channelTo((request, socket) => {
    if (request.correlationId > 0) return
    const frame = Buffer.from([0, 0, 0, 6, 0, 0, 0, 0, 0, 1])
    socket.write(frame)
  })
  const results = await Promise.allSettled([
    channel.request('Heartbeat', 4, heartbeat(1)),
    channel.request('Heartbeat', 4, heartbeat(2)),
  ])
  expect(results).toMatchObject([
    { reason: { error: 'MALFORMED_RESPONSE', retriable: false } },
    { reason: { error: 'NETWORK' } },
  ])
  expect(channel.open).toBe(false)
})

test.each([
  ['an answer to no request', Buffer.from([0, 0, 0, 4, 0, 0, 0, 9]), 'answered request 9'],
  ['no Kafka at all', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'Is its listener the right one?'],
])('%s ends the channel', async (_, bytes, message) => {
  const channel = await channelTo((_request, socket) => void socket.write(bytes))
  await expect(channel.request('Heartbeat', 4, heartbeat(1))).rejects.toMatchObject({
    error: 'NETWORK',
    message: expect.stringContaining(message),
  })
})

test('a request that is not answered in time ends the channel for all', async () => {
  const channel = await channelTo(() => {}, 30)
  const results = await Promise.allSettled([
    channel.request('Heartbeat', 4, heartbeat(1)),
    channel.request('JoinGroup', 9, {}),
  ])
  expect(results).toMatchObject([
    { reason: { api: 'Heartbeat', error: 'TIMEOUT', retriable: true } },
    { reason: { api: 'JoinGroup', error: 'TIMEOUT' } },
  ])
  expect(channel.open).toBe(false)
})

test('each request has its whole time, also behind others', async () => {
  let nowMs = 0
  const sleeps: { readonly ms: number; readonly wake: () => void }[] = []
  const world = {
    clock: { now: () => nowMs, monotonic: () => nowMs },
    scheduler: { sleep: (ms: number) => new Promise<void>(wake => sleeps.push({ ms, wake })), yield: async () => {} },
  }
  const requests: DecodedRequest[] = []
  let sockets: net.Socket | undefined
  const server = net.createServer(
    serve((request, socket) => {
      requests.push(request)
      sockets = socket
    }),
  )
  const channel = await connect(await listen(server), { world }, 100)
  const first = channel.request('Heartbeat', 4, heartbeat(1))
  nowMs = 60
  const second = channel.request('Heartbeat', 4, heartbeat(2))
  await expect.poll(() => requests.length).toBe(2)
  reply(sockets!, requests[0]!, { errorCode: 0 })
  await first
  expect(sleeps.map(({ ms }) => ms)).toEqual([100, 100])
  nowMs = 100
  sleeps[1]!.wake()
  await expect.poll(() => sleeps.length).toBe(3)
  expect([channel.open, sleeps[2]!.ms]).toEqual([true, 60])
  nowMs = 160
  sleeps[2]!.wake()
  await expect(second).rejects.toMatchObject({ error: 'TIMEOUT' })
})

test('a Produce without acknowledgement is not waited for', async () => {
  const apis: string[] = []
  const channel = await channelTo((request, socket) => {
    apis.push(request.api)
    if (request.api === 'Heartbeat') reply(socket, request, {})
  })
  await expect(channel.request('Produce', 12, { acks: 0 })).resolves.toBeUndefined()
  await channel.request('Heartbeat', 4, heartbeat(1))
  expect(apis).toEqual(['Produce', 'Heartbeat'])
})

test('a broker that is not there is a network error, with its address', async () => {
  const server = net.createServer()
  const address = await listen(server)
  server.close()
  await once(server, 'close')
  await expect(connect(address)).rejects.toMatchObject({
    error: 'NETWORK',
    retriable: true,
    message: expect.stringContaining(`127.0.0.1:${address.port}`),
  })
})

test('a body that cannot be encoded is rejected and leaves the channel as it was', async () => {
  const channel = await channelTo((request, socket) => reply(socket, request, {}))
  await expect(channel.request('Heartbeat', 4, { nonsense: 1 })).rejects.toMatchObject({ code: 'ASSERTION' })
  await expect(channel.request('Heartbeat', 4, heartbeat(1))).resolves.toMatchObject({ errorCode: 0 })
})

test('over TLS, with a certificate that is checked', async () => {
  const server = tls.createServer(
    { key, cert },
    serve((request, socket) => reply(socket, request, {})),
  )
  const { port } = await listen(server)
  const channel = await connect({ host: 'localhost', port }, { tls: { ca: cert } })
  await expect(channel.request('Heartbeat', 4, heartbeat(1))).resolves.toMatchObject({ errorCode: 0 })
  await expect(connect({ host: 'localhost', port }, { tls: {} })).rejects.toMatchObject({
    error: 'NETWORK',
    message: expect.stringContaining('self-signed certificate'),
  })
})

// A self-signed certificate for localhost, valid until 2126, made for this test alone (openssl req -x509 -newkey ec).
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgTfPs6n5U6jn6aQiP
sTk0kiBR1yPVcF2615hjYwl+yhOhRANCAAT7daIU9vvgJV1tRIlaICxQBPuH92Cy
/+7tQHq35ke2VFPybBRwKV29JeNnA9iiAFLIscgnIOaJI82LGbpoh5dC
-----END PRIVATE KEY-----
`

const cert = `-----BEGIN CERTIFICATE-----
MIIBlTCCATugAwIBAgIUTof+5NQhaC3hn9El7uH/23UsmOQwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTE0NTUzMFoYDzIxMjYxMDI4
MTQ1NTMwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAT7daIU9vvgJV1tRIlaICxQBPuH92Cy/+7tQHq35ke2VFPybBRwKV29
JeNnA9iiAFLIscgnIOaJI82LGbpoh5dCo2kwZzAdBgNVHQ4EFgQU3V6gmoRjs84i
JsYrMVeFLUSzgV0wHwYDVR0jBBgwFoAU3V6gmoRjs84iJsYrMVeFLUSzgV0wDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwID
SAAwRQIgc9wrXYxDhAD2IT9DyReb9A8P3B6w2By+sbMJ1BgGirwCIQCCUnhPWIvF
wXa/dxVzXqb3W4Wq8t3wJ+lzaLfw99DP9A==
-----END CERTIFICATE-----
`
