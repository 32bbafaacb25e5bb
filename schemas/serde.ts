import type { Buffer } from 'node:buffer'
import type { ByteWriter } from './bytes.ts'
import type { Registry } from './registry.ts'

/**
 * Turns a value into bytes and back.
 *
 * Both directions work on a range of a larger buffer, so that neither a fetched record nor a result to be sent
 * costs an object of its own.
 */
export interface Serde<T> {
  /** Shown in descriptions of a topology and in errors: `text`, `avro(Payment)`. */
  readonly name: string
  /** Appends the bytes of `value` to `out`. Throws an `EncodeError` when the value does not fit. */
  write(value: T, out: ByteWriter): void
  /**
   * The value in `bytes[start, end)`. Throws a `DecodeError` on bytes that do not hold a `T`, and `NotReady` when
   * something has to be fetched first (a schema). The value may keep a view of `bytes`, which is never written again.
   */
  read(bytes: Buffer, start: number, end: number): T
  /** The serde to use for one topic, once the registry is known. Serdes that need no registry leave it out. */
  bind?(place: SerdePlace): Promise<Serde<T>>
}

/** Where a serde is used: the subject of its schema is `<topic>-key` or `<topic>-value`. */
export interface SerdePlace {
  readonly topic: string
  readonly part: 'key' | 'value'
  /** Whether this place writes: only then is a schema registered. */
  readonly writes: boolean
  readonly registry: Registry
}

/**
 * Bytes that hold no value. `code` is one of FLAGSHIP's and RELIABILITY's: ERR_EMPTY, ERR_FRAME, ERR_SCHEMA,
 * ERR_DECODE.
 */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

/** A value that its serde cannot write. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError'
}

/**
 * Thrown by `read` when it needs something first: await `ready()`, then read again. It rejects only when the wait is
 * given up.
 */
export class NotReady extends Error {
  override readonly name = 'NotReady'
  readonly ready: () => Promise<void>

  constructor(what: string, ready: () => Promise<void>) {
    super(what)
    this.ready = ready
  }
}
