import { request } from 'node:http'
import { createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { parseHttpAddress, showAddress } from './address.ts'
import { Metrics } from './metrics.ts'
import { type ObserveServer, startServer } from './server.ts'
import { readings } from './testing.ts'

const open: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

let now = readings()

async function serve(port = 0, guard: { host?: string; token?: string } = {}): Promise<ObserveServer> {
  const read = () => now
  const { host = '127.0.0.1', ...token } = guard
  const server = await startServer({ address: { host, port }, metrics: new Metrics(read), read, ...token })
  open.push(() => server.close())
  return server
}

const get = async (server: ObserveServer, path: string): Promise<{ status: number; body: string }> => {
  const response = await fetch(`${server.url}${path}`)
  return { status: response.status, body: await response.text() }
}

test('metrics in the format of Prometheus', async () => {
  now = readings()
  const response = await fetch(`${(await serve()).url}/metrics`)
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4')
  expect(await response.text()).toContain('millrace_commits_total 9')
})

test('live unless failed, ready only when running, with the progress of restoring', async () => {
  const server = await serve()
  now = readings({ state: 'restoring' })
  expect(await get(server, '/health/live')).toMatchObject({ status: 200 })
  const { status, body } = await get(server, '/health/ready')
  expect(status).toBe(503)
  expect(JSON.parse(body)).toEqual({
    state: 'restoring',
    tasks: 2,
    waitingTasks: 1,
    restore: { restoredRecords: 1200, restoredBytes: 34_000, remainingRecords: 300, totalRecords: 1500 },
  })
  now = readings({ state: 'running' })
  expect(await get(server, '/health/ready?verbose=1')).toMatchObject({ status: 200 })
  now = readings({ state: 'failed' })
  expect(await get(server, '/health/live')).toMatchObject({ status: 503 })
  expect(await get(server, '/health/ready')).toMatchObject({ status: 503 })
})

test('anything else is not here, and nothing can be posted', async () => {
  const server = await serve()
  for (const path of ['/', '/metrics/', '/health', '/..%2fmetrics'])
    expect(await get(server, path)).toMatchObject({ status: 404 })
  expect((await fetch(`${server.url}/metrics`, { method: 'POST', body: 'x' })).status).toBe(405)
})

const statusFor = (server: ObserveServer, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    request({ ...server.address, path: '/health/live', headers: { host } }, response => {
      response.resume()
      resolve(response.statusCode!)
    })
      .on('error', reject)
      .end()
  })

test('a name of elsewhere that points here (DNS rebinding) gets nothing', async () => {
  now = readings()
  const server = await serve()
  for (const host of ['evil.example', 'evil.example:9464', '10.0.0.1', 'localhost.evil.example']) {
    expect(await statusFor(server, host)).toBe(403)
  }
  for (const host of ['localhost:9464', '127.0.0.1', '[::1]:1']) expect(await statusFor(server, host)).toBe(200)
})

test('a port that is taken: the next free one', async () => {
  const first = await serve()
  const second = await serve(first.address.port)
  expect(second.address.port).toBeGreaterThan(first.address.port)
  expect(second.url).toBe(`http://127.0.0.1:${second.address.port}`)
  expect(await get(second, '/health/live')).toMatchObject({ status: 200 })
})

test('another address than a loopback one is refused', async () => {
  for (const address of ['0.0.0.0:9464', '192.168.1.5:1', '[::]:9464', 'example.com:80', '128.0.0.1:1']) {
    expect(() => parseHttpAddress(address)).toThrow('authenticates nobody')
  }
  for (const address of ['9464', ':9464', 'localhost', '127.0.0.1:70000', 'a b:1']) {
    expect(() => parseHttpAddress(address)).toThrow('is no address')
  }
  expect(parseHttpAddress('127.3.2.1:0')).toEqual({ host: '127.3.2.1', port: 0 })
  expect(showAddress(parseHttpAddress('[::1]:9464'))).toBe('[::1]:9464')
  const read = () => readings()
  await expect(
    startServer({ address: { host: '0.0.0.0', port: 0 }, metrics: new Metrics(read), read }),
  ).rejects.toThrow('authenticates nobody')
})

const token = `${'x'.repeat(42)}=`

const asking = async (server: ObserveServer, path: string, authorization?: string): Promise<[number, string]> => {
  const url = `http://127.0.0.1:${server.address.port}${path}`
  const response = await fetch(url, { headers: authorization === undefined ? {} : { authorization } })
  if (response.status === 401) expect(response.headers.get('www-authenticate')).toBe('Bearer')
  return [response.status, (await response.text()).trim()]
}

test('with a token it listens anywhere, and who has the token gets all of it, by whatever name', async () => {
  now = readings()
  const server = await serve(0, { host: '0.0.0.0', token })
  const bearer = `Bearer ${token}`
  expect(await asking(server, '/metrics', bearer)).toEqual([
    200,
    expect.stringContaining('millrace_commits_total 9') as string,
  ])
  expect(await asking(server, '/health/ready', bearer)).toEqual([200, expect.stringContaining('"tasks":2') as string])
  expect(await asking(server, '/elsewhere', bearer)).toMatchObject([404, {}])
  expect(await statusFor({ ...server, address: { ...server.address, host: '127.0.0.1' } }, 'pod.example')).toBe(200)
})

test('who has no token, or another, gets nothing but the status of health', async () => {
  now = readings()
  const server = await serve(0, { host: '0.0.0.0', token })
  const wrong = [undefined, '', 'Bearer', `Bearer ${token}=`, `Bearer ${token.slice(1)}`, `Basic ${token}`, token]
  for (const authorization of wrong) {
    for (const path of ['/metrics', '/', '/metrics?health', '/healthy', '/health'])
      expect(await asking(server, path, authorization)).toEqual([401, 'A bearer token is needed.'])
    expect(await asking(server, '/health/live', authorization)).toEqual([200, 'live'])
    expect(await asking(server, '/health/ready', authorization)).toEqual([200, 'ready'])
  }
  now = readings({ state: 'restoring' })
  expect(await asking(server, '/health/ready')).toEqual([503, 'not ready'])
  // On loopback too, where who has none would get all of it.
  expect(await asking(await serve(0, { token }), '/metrics')).toMatchObject([401, {}])
})

test('a token that can be guessed, or that no header can carry, is refused', async () => {
  for (const bad of ['', 'x'.repeat(31), `${'x'.repeat(40)} x`, `${'x'.repeat(40)}\n`])
    await expect(serve(0, { host: '0.0.0.0', token: bad })).rejects.toThrow('at least 32')
})

test('it lets go of its port, and of connections that are kept alive', async () => {
  const server = await serve()
  await get(server, '/health/live')
  await server.close()
  const again: Server = createServer()
  await new Promise<void>((resolve, reject) =>
    again.once('error', reject).listen(server.address.port, '127.0.0.1', resolve),
  )
  again.close()
})
