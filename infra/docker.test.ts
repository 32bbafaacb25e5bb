import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, matchesGlob } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readCommand } from '../processor/cli/command.ts'
import { parseOptions } from '../producer/options.ts'
import { promtoolAnswers } from './promtool.ts'

// What can be said about docker/ without a Docker engine: the files agree with each other and with the code.

const root = join(import.meta.dirname, '..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const compose = parse(read('docker/compose.yaml'), { merge: true }) as any
const services: Record<string, any> = compose.services
const prometheus = parse(read('docker/prometheus.yml')) as any
const dockerfile = read('docker/Dockerfile')
const health = new URL(/'(http:[^']+)'/.exec(read('infra/docker-health.ts'))![1]!)
const manifest = JSON.parse(read('package.json'))
const named = Object.entries(services)
const ours = named.filter(([, service]) => service.build !== undefined)

/** As Compose fills in `${NAME:-default}` where NAME is not set, and `$$`. */
const filled = (text: string): string => text.replace(/\$\{\w+:-([^}]*)\}/g, '$1').replaceAll('$$', '$')

/** What a service gives to the program, behind the name of its file. */
const argumentsOf = (name: string, program: string): string[] => {
  const command: string[] = services[name].command.map(filled)
  expect(command).toContain(program)
  return command.slice(command.indexOf(program) + 1)
}

describe('compose.yaml', () => {
  const keys = new Set(
    [
      'image build command user init read_only tmpfs environment volumes depends_on healthcheck deploy restart',
      'cap_drop security_opt networks network_mode ports logging stop_grace_period',
    ].flatMap(line => line.split(' ')),
  )

  test('has no key that Compose does not know, or that nobody has thought about', () => {
    const known = ['name', 'services', 'networks', 'volumes']
    expect(Object.keys(compose).filter(key => !key.startsWith('x-') && !known.includes(key))).toEqual([])
    for (const [name, service] of named)
      expect([name, Object.keys(service).filter(key => !keys.has(key))]).toEqual([name, []])
  })

  test('names only services, volumes, networks and files that are there', () => {
    for (const [, service] of named) {
      for (const network of service.networks ?? []) expect(compose.networks).toHaveProperty(network)
      for (const volume of service.volumes ?? []) {
        const source: string = typeof volume === 'string' ? volume.split(':')[0]! : volume.source
        if (source.startsWith('.')) expect(existsSync(join(root, 'docker', source))).toBe(true)
        else expect(compose.volumes).toHaveProperty(source)
      }
      if (service.build)
        expect(existsSync(join(root, 'docker', service.build.context, service.build.dockerfile))).toBe(true)
    }
  })

  test('waits for what exists, ends and says when it is healthy', () => {
    for (const [name, service] of named) {
      for (const [other, { condition }] of Object.entries<{ condition: string }>(service.depends_on ?? {})) {
        const found = services[other]
        expect([name, other, found]).not.toContain(undefined)
        if (condition === 'service_healthy') expect(found.healthcheck.test.length).toBeGreaterThan(1)
        else {
          expect(condition).toBe('service_completed_successfully')
          expect(found.restart).toBe('no')
        }
      }
    }
  })

  test('publishes to this machine only, and neither broker nor registry nor processor', () => {
    const published = named.filter(([, service]) => service.ports !== undefined)
    expect(published.map(([name]) => name)).toEqual(['kafdrop', 'prometheus'])
    for (const [, { ports }] of published) for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
    expect(compose.networks.inside).toEqual({ internal: true })
    const reachOut = named.filter(([, service]) => (service.networks ?? []).includes('outside'))
    expect(reachOut.map(([name]) => name)).toEqual(['kafdrop', 'prometheus'])
  })

  test('gives nobody more than they need', () => {
    // These images have a user of their own: appuser, 1001, nobody, and 10001 (docker/Dockerfile).
    const withUser = ['apache/kafka', 'apicurio/apicurio-registry', 'prom/prometheus', 'millrace']
    for (const [name, service] of named) {
      expect([name, service.cap_drop, service.security_opt]).toEqual([name, ['ALL'], ['no-new-privileges:true']])
      expect(service.deploy.resources.limits.memory).toMatch(/^\d+[mg]$/)
      expect(service.logging.options).toHaveProperty('max-size')
      expect(['no', 'unless-stopped']).toContain(service.restart)
      if (service.user === undefined) expect(withUser).toContain(service.image.split(':')[0])
      else expect(Number(service.user.split(':')[0])).toBeGreaterThanOrEqual(10_000)
    }
    for (const [, service] of ours) expect(service).toMatchObject({ read_only: true, init: true })
  })

  test('pins its images, and to what the tests of the project run against', () => {
    for (const [, { image, build }] of named) if (build === undefined) expect(image).toMatch(/:v?\d+\.\d+\.\d+$/)
    const used = [...read('infra/docker.ts').matchAll(/GenericContainer\('([^']+)'\)/g)].map(([, image]) => image)
    expect(used).toEqual([services['kafka'].image, services['registry'].image])
  })
})

describe('the commands of compose.yaml', () => {
  test('are what the processor reads', () => {
    const environment = services['processor'].environment
    const command = readCommand(argumentsOf('processor', 'processor/main.js'), environment)
    expect(command).toMatchObject({
      command: 'run',
      brokers: [{ host: 'kafka', port: 9092 }],
      registryUrl: 'http://registry:8080/apis/ccompat/v7',
      stateFolder: '/var/lib/millrace/state',
      // Replicas are alike: one name would be that of all.
      instance: null,
      guarantee: 'exactly_once',
    })
    // All who are on its network reach it: the token is what they need.
    expect(command).toHaveProperty('http', { host: '0.0.0.0', port: Number(health.port) })
    expect(command).toHaveProperty('httpTokenFile', services['token'].environment.METRICS_TOKEN_FILE)
    expect(services['processor'].deploy.replicas).toBe(3)
    expect(readCommand(argumentsOf('init', 'processor/main.js'), services['init'].environment)).toMatchObject({
      command: 'init',
      live: false,
    })
  })

  test('are what the producer reads', () => {
    const options = parseOptions(argumentsOf('producer', 'producer/main.js'), services['producer'].environment)
    expect(options).toMatchObject({
      ratePerSecond: 1000,
      feed: { profile: 'millrace', count: 1_000_000, millrace: { seed: 7 } },
      target: { kind: 'kafka', brokers: ['kafka:9092'] },
    })
  })

  test('start files that the build makes, and the environment has what the code reads', () => {
    const entries = (JSON.parse(read('infra/build.tsconfig.json')).files as string[]).map(path => join('infra', path))
    const code = ['processor/cli/command.ts', 'producer/options.ts', 'infra/docker-token.ts'].map(read).join('\n')
    for (const [name, service] of ours) {
      const check: string[] = service.healthcheck.test ?? []
      const files = [...service.command, ...check].filter((word: string) => word.endsWith('.js'))
      expect([name, files.length > 0]).toEqual([name, true])
      for (const file of files) expect(entries).toContain(join(file.replace(/\.js$/, '.ts')))
      for (const variable of Object.keys(service.environment)) expect(code).toContain(`['${variable}']`)
      expect(service.environment).not.toHaveProperty('NODE_OPTIONS')
    }
  })

  test('meet where the broker listens and the registry answers', () => {
    const { environment } = services['kafka']
    expect(environment.KAFKA_ADVERTISED_LISTENERS).toBe('PLAINTEXT://kafka:9092')
    expect(services['registry'].environment.APICURIO_KAFKASQL_BOOTSTRAP_SERVERS).toBe('kafka:9092')
    const kafdrop = services['kafdrop'].environment
    expect(kafdrop.KAFKA_BROKERCONNECT).toBe('kafka:9092')
    const registry = services['processor'].environment.SCHEMA_REGISTRY_URL
    expect(kafdrop.CMD_ARGS.split(' ')).toEqual(
      expect.arrayContaining(['--message.format=AVRO', `--schemaregistry.connect=${registry}`]),
    )
  })
})

describe('health checks in bash', () => {
  /** The script of a service, with another port. */
  const check = (name: string, port: number): Promise<number | null> =>
    new Promise(resolve => {
      const script = filled(services[name].healthcheck.test[3]).replace(/(\/dev\/tcp\/127\.0\.0\.1)\/\d+/, `$1/${port}`)
      spawn('bash', ['-c', script], { stdio: 'ignore' }).on('close', resolve)
    })

  test.for(['registry', 'kafdrop'])('of %s: 200 is healthy, all else is not', async name => {
    let status = 200
    const asked: string[] = []
    const server = createServer((request, response) => {
      asked.push(request.url!)
      response.writeHead(status).end('[]')
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    expect(await check(name, port)).toBe(0)
    status = 503
    expect(await check(name, port)).not.toBe(0)
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
    expect(await check(name, port)).not.toBe(0)
    expect(new Set(asked)).toEqual(new Set([name === 'registry' ? '/apis/ccompat/v7/subjects' : '/actuator/health']))
  })
})

describe('Dockerfile', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(([, words]) =>
    words!.split(' ').slice(0, -1),
  )
  const ignored = read('.dockerignore')
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('#'))

  test('copies what is there, and .dockerignore lets exactly that through', () => {
    expect(copied.length).toBeGreaterThan(5)
    for (const path of copied) expect([path, existsSync(join(root, path))]).toEqual([path, true])
    const allowed = ignored.filter(line => line.startsWith('!')).map(line => line.slice(1))
    expect(ignored[0]).toBe('*')
    expect(allowed.toSorted()).toEqual([...new Set(copied)].toSorted())
  })

  test('leaves out nothing that the build needs', () => {
    const out = ignored.filter(line => line !== '*' && !line.startsWith('!'))
    const { files } = JSON.parse(read('infra/build.tsconfig.json')) as { files: string[] }
    const needed = [...files.map(path => join('infra', path)), 'infra/build.ts', 'infra/build.tsconfig.json']
    for (const path of needed) {
      expect([path, existsSync(join(root, path))]).toEqual([path, true])
      expect(out.filter(glob => matchesGlob(path, glob) || path.startsWith(`${glob}/`))).toEqual([])
    }
  })

  test('has the Node of package.json, a user that is nobody, and our own health check', () => {
    expect(dockerfile).toContain(`ARG NODE_IMAGE=node:${manifest.devDependencies.node}-bookworm-slim\n`)
    expect(dockerfile.match(/^FROM .*$/gm)!.every(line => line.startsWith('FROM ${NODE_IMAGE}'))).toBe(true)
    expect(Number(/^USER (\d+):\d+$/m.exec(dockerfile)![1])).toBeGreaterThanOrEqual(10_000)
    const json = (instruction: string): string[] =>
      JSON.parse(new RegExp(`^(?:HEALTHCHECK .*)?${instruction} (\\[.*\\])$`, 'm').exec(dockerfile)![1]!)
    expect(json('ENTRYPOINT')).toEqual(['node', '--max-semi-space-size=8', '--heap-growing-percent=50'])
    expect(/^HEALTHCHECK .* CMD (\[.*\])$/m.exec(dockerfile)![1]).toBe('["node", "infra/docker-health.js"]')
    const command = /^CMD (\[.*\])$/m.exec(dockerfile)![1]!
    const words = JSON.parse(command) as string[]
    const alone = readCommand(words.slice(words.indexOf('processor/main.js') + 1), services['init'].environment)
    expect(alone).toHaveProperty('stateFolder', '/var/lib/millrace/state')
    expect(alone).toHaveProperty('http', { host: health.hostname, port: Number(health.port) })
  })

  test('makes the folders that the volumes get their owner from', () => {
    for (const [, service] of ours) {
      for (const volume of service.volumes ?? []) expect(dockerfile).toContain(` ${volume.split(':')[1]}`)
    }
  })
})

describe('prometheus.yml', () => {
  const [millrace] = prometheus.scrape_configs

  test('finds all replicas, where they listen, with the token that is drawn', () => {
    expect(millrace.dns_sd_configs).toEqual([
      expect.objectContaining({ names: ['processor'], type: 'A', port: Number(health.port) }),
    ])
    const { credentials_file: file } = millrace.authorization
    expect(services['token'].environment.METRICS_TOKEN_FILE).toBe(file)
    const mount = services['prometheus'].volumes.find((volume: any) => volume.source === 'token')
    expect(file.startsWith(`${mount.target}/`)).toBe(true)
  })

  test('has no key that nobody has thought about', () => {
    expect(Object.keys(prometheus)).toEqual(['global', 'scrape_configs'])
    expect(Object.keys(millrace)).toEqual(['job_name', 'dns_sd_configs', 'authorization'])
  })

  // Where it is not, `npm test` says at its end that this was not run.
  if (promtoolAnswers())
    test('is taken by promtool', () => {
      const file = join(root, 'docker', 'prometheus.yml')
      const { status, stdout, stderr } = spawnSync('promtool', ['check', 'config', '--syntax-only', file], {
        encoding: 'utf8',
      })
      expect([status, stdout + stderr]).toEqual([0, expect.stringContaining('SUCCESS')])
    })
})
