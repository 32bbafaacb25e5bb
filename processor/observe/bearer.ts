import { createHash, timingSafeEqual } from 'node:crypto'
import { AppError } from '../errors.ts'

/** A token of fewer could be guessed. */
const tokenCharactersMin = 32

/** Tells whether an `Authorization` header carries the token. (RFC 6750.) */
export type BearerCheck = (authorization: string | undefined) => boolean

export function bearerCheck(token: string): BearerCheck {
  if (token.length < tokenCharactersMin || !/^[\w.~+/-]+=*$/.test(token))
    throw new AppError(
      'CONFIG',
      `The token of the HTTP server has ${token.length} characters. Give at least ${tokenCharactersMin} letters, ` +
        'digits and -._~+/ that nobody can guess.',
    )
  const wanted = digest(`Bearer ${token}`)
  return authorization => timingSafeEqual(digest(authorization ?? ''), wanted)
}

/** Digests have one length, so that comparing them tells nothing about the token, not even how long it is. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
