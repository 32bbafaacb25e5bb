import { readFileSync } from 'node:fs'
import { asError } from '../errors.ts'
import { UsageError } from './options.ts'

/** The secret in a file. Its name is on the command line, where others may read it; the secret is not. */
export function readToken(file: string): string {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`--http-token-file ${file} cannot be read: ${asError(error).message}.`)
  }
  const token = text.trim()
  if (token === '') throw new UsageError(`--http-token-file ${file} is empty. Write a token to it.`)
  return token
}
