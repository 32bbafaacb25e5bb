import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDoor } from './docker-door.ts'

const token = 'x'.repeat(43)
const asked: string[] = []
let processor: Server
let door: Server
let url: string

const portOf = (server: Server): number => (server.address() as AddressInfo).port

beforeEach(async () => {
  asked.length = 0
  processor = createServer((request, response) => {
    // As the real one does: loopback names only.
    asked.push(
      `${request.method} ${request.url} ${request.headers.host?.split(':')[0]} ${request.headers.authorization}`,
    )
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end('millrace_up 1\n')
  })
  await new Promise<void>(resolve => processor.listen(0, '127.0.0.1', resolve))
  const target = `http://127.0.0.1:${portOf(processor)}`
  door = await openDoor({ host: '127.0.0.1', port: 0, token, target })
  url = `http://127.0.0.1:${portOf(door)}`
})

afterEach(async () => {
  for (const server of [door, processor]) {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})

const ask = async (path: string, authorization?: string, method = 'GET'): Promise<[number, string]> => {
  const response = await fetch(`${url}${path}`, { method, headers: authorization ? { authorization } : {} })
  return [response.status, await response.text()]
}

test('who has the token gets the metrics, and the processor never sees the token', async () => {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4')
  expect([response.status, await response.text()]).toEqual([200, 'millrace_up 1\n'])
  expect(asked).toEqual(['GET /metrics 127.0.0.1 undefined'])
})

test('who has it not gets nothing, and the processor is not asked', async () => {
  for (const wrong of [undefined, 'Bearer', `Bearer ${token}y`, `Bearer ${token.slice(1)}`, `Basic ${token}`, token])
    expect((await ask('/metrics', wrong))[0]).toBe(401)
  expect(asked).toEqual([])
})

test('there is one door to one place', async () => {
  expect((await ask('/health/ready', `Bearer ${token}`))[0]).toBe(404)
  expect((await ask('/metrics/../health/live', `Bearer ${token}`))[0]).toBe(404)
  expect((await ask('/metrics', `Bearer ${token}`, 'POST'))[0]).toBe(405)
  expect(asked).toEqual([])
})

test('a processor that is not there is told apart from a closed door', async () => {
  processor.closeAllConnections()
  await new Promise(resolve => processor.close(resolve))
  const [status, text] = await ask('/metrics', `Bearer ${token}`)
  expect(status).toBe(502)
  expect(text).toContain('The processor does not answer')
})

test('a token that can be guessed is refused', () => {
  expect(() => openDoor({ host: '127.0.0.1', port: 0, token: '', target: url })).toThrow('at least 32')
})

test('the token is drawn once and kept', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-token-'))
  try {
    const file = join(folder, 'metrics')
    const draw = (): string => {
      const script = join(import.meta.dirname, 'docker-token.ts')
      const { status, stderr } = spawnSync(process.execPath, [script], { env: { METRICS_TOKEN_FILE: file } })
      expect(String(stderr)).toBe('')
      expect(status).toBe(0)
      return readFileSync(file, 'utf8')
    }
    const drawn = draw()
    expect(drawn).toMatch(/^[\w-]{43}$/)
    expect(draw()).toBe(drawn)
    expect(statSync(file).mode & 0o777).toBe(0o444)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
