import { TopologyError } from '../../topology/errors.ts'
import { AppError } from '../errors.ts'
import { printable } from '../observe/text.ts'
import { UsageError } from './options.ts'

/** What to tell of an error that ends the program: one line, and the stack when it is a fault of ours or asked for. */
export function failureText(error: unknown, withStack: boolean): string {
  if (!(error instanceof Error)) return `error: ${String(error)}`
  const code = error instanceof AppError || error instanceof TopologyError ? ` [${error.code}]` : ''
  const line = `error: ${printable(error.message)}${code}`
  const isExpected = error instanceof AppError ? error.domain !== 'internal' : !isBug(error)
  return withStack || !isExpected ? `${line}\n${stackOf(error)}` : line
}

/** 2 for a command line that makes no sense, as shells do; 1 for everything else. */
export const exitCodeOf = (error: unknown): number => (error instanceof UsageError ? 2 : 1)

const isBug = (error: Error): boolean =>
  ['TypeError', 'ReferenceError', 'RangeError', 'SyntaxError', 'AssertionError'].includes(error.constructor.name) &&
  error.name === error.constructor.name

function stackOf(error: Error): string {
  const lines = [error.stack ?? error.message]
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
    lines.push(`caused by ${cause.stack ?? cause.message}`)
  return lines.join('\n')
}
