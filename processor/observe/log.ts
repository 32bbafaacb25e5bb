import { pino, type Logger } from 'pino'
import type { Log } from '../ports.ts'
import { printable } from './text.ts'

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export interface LogOptions {
  readonly level: LogLevel
  /** Takes whole lines, each with its newline. */
  readonly write: (line: string) => void
  /** For people: one short line each. Else JSON. */
  readonly pretty: boolean
}

/** Log lines by pino: JSON for machines, short lines for a terminal. Errors come without their stack but at `debug`. */
export function createLog({ level, write, pretty }: LogOptions): Log {
  const destination = { write: pretty ? (line: string) => write(prettyLine(line)) : write }
  const logger: Logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      serializers: { error: error => describeError(error, level === 'debug') },
    },
    destination,
  )
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
  }
}

/** An error as plain data, with what caused it. */
export function describeError(error: unknown, withStack: boolean): object {
  if (!(error instanceof Error)) return { message: String(error) }
  const { code } = error as { code?: unknown }
  return {
    type: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    ...(withStack ? { stack: error.stack } : {}),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause, withStack) }),
  }
}

function prettyLine(line: string): string {
  const { level, time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
  const rest = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`
  return `${printable(`${String(time).slice(11, 19)} ${String(level)} ${String(msg)}${rest}`)}\n`
}
