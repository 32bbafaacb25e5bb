import { createHash } from 'node:crypto'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

// Programs of the JVM world, from Maven into a cache outside the project (MILLRACE_CACHE, else ~/.cache/millrace).

export type Progress = (line: string) => void

/** Something is missing on this machine that the user can install. */
export class MissingToolError extends Error {
  override name = 'MissingToolError'
}

export interface Java {
  readonly command: string
  readonly major: number
  /** Names the build: an archive of loaded classes is good for one build only. */
  readonly build: string
}

const alternative = 'Or start Docker, or set KAFKA_BROKERS to a broker that runs.'

export const findJava = (): Java => {
  const home = process.env['JAVA_HOME']
  const command = home ? join(home, 'bin', 'java') : 'java'
  let text: string
  try {
    text = execFileSync(command, ['-XshowSettings:none', '-version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    text += execFileSync('sh', ['-c', '"$0" -version 2>&1', command], { encoding: 'utf8' })
  } catch (cause) {
    throw new MissingToolError(
      `Java was not found. Install a JDK, version 17 or later (Debian: apt-get install openjdk-17-jdk-headless). ${alternative}`,
      { cause },
    )
  }
  const major = Number(/version "(\d+)/.exec(text)?.[1] ?? 0)
  if (major < 17) {
    throw new MissingToolError(`Java ${major} is too old for Kafka 4: install version 17 or later. ${alternative}`)
  }
  return { command, major, build: createHash('sha256').update(text).digest('hex').slice(0, 12) }
}

export const findMaven = (): string => {
  try {
    execFileSync('mvn', ['-v'], { stdio: 'ignore' })
    return 'mvn'
  } catch (cause) {
    throw new MissingToolError(`Maven (mvn) was not found. Debian: apt-get install maven. ${alternative}`, { cause })
  }
}

export const cacheFolder = (): string => {
  const folder =
    process.env['MILLRACE_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'millrace')
  mkdirSync(folder, { recursive: true })
  return folder
}

/** Runs Maven, and says something at least every five seconds: the first run downloads 160 MB. */
const runMaven = (args: readonly string[], what: string, progress: Progress): Promise<void> =>
  new Promise((resolve, reject) => {
    const startedMs = Date.now()
    const child = spawn(findMaven(), ['-B', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let files = 0
    const say = (): void => progress(`${what}: ${files} files, ${Math.round((Date.now() - startedMs) / 1000)} s`)
    const timer = setInterval(say, 5_000)
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
        files += text.split('Downloaded from').length - 1
      })
    }
    child.on('error', reject)
    child.on('close', code => {
      clearInterval(timer)
      if (code === 0) return resolve()
      const errors = output
        .split('\n')
        .filter(line => line.includes('[ERROR]'))
        .slice(0, 3)
        .join('\n')
      reject(new Error(`Maven could not fetch ${what} (exit code ${code}).\n${errors}`))
    })
  })

/**
 * The folder with what Maven fetches by `infra/maven/<name>/pom.xml`; from the cache when it is there. Two processes
 * that
 * fetch at once both succeed: the folder appears by a rename.
 */
export const fetchByMaven = async (
  name: string,
  version: string,
  goal: readonly string[],
  progress: Progress,
): Promise<string> => {
  const folder = join(cacheFolder(), `${name}-${version}`)
  if (existsSync(join(folder, 'complete'))) return folder
  progress(`fetching ${name} ${version} by Maven into ${folder} (once)`)
  const partial = `${folder}.${process.pid}.part`
  const pom = join(import.meta.dirname, 'maven', name, 'pom.xml')
  await runMaven(['-f', pom, ...goal, `-DoutputDirectory=${partial}`], `${name} ${version}`, progress)
  writeFileSync(join(partial, 'complete'), '')
  if (existsSync(join(folder, 'complete'))) {
    rmSync(partial, { recursive: true, force: true })
    return folder
  }
  rmSync(folder, { recursive: true, force: true })
  renameSync(partial, folder)
  return folder
}

/**
 * Flags that make a JVM start fast from an archive of its classes, which `train` leaves at the path it is given: it
 * starts the
 * program with `-XX:ArchiveClassesAtExit` and stops it. Without an archive everything works, three to four times
 * slower.
 */
export const fastStart = async (
  name: string,
  folder: string,
  java: Java,
  progress: Progress,
  train: (flags: readonly string[]) => Promise<void>,
): Promise<readonly string[]> => {
  const flags = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
  const archive = join(folder, `classes-${java.build}.jsa`)
  if (!existsSync(archive)) {
    const partial = `${archive}.${process.pid}`
    progress(`preparing a fast start of ${name} (once)`)
    await train([...flags, `-XX:ArchiveClassesAtExit=${partial}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off'])
    if (!existsSync(partial)) return flags
    renameSync(partial, archive)
  }
  return [...flags, `-XX:SharedArchiveFile=${archive}`, '-Xlog:cds=off', '-Xlog:cds+dynamic=off']
}
