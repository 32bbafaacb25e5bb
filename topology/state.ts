import type { Serde } from '../schemas/serde.ts'

/**
 * State that a `process` step asks for. The key under which it is listed is only the local name; `name` is the
 * store's.
 */
export type StateSpec = KeyValueSpec<any, any> | WindowSpec<any, any> | LogSpec<any, any>

export interface KeyValueSpec<K, V> {
  readonly kind: 'keyValue'
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly __k?: K
  readonly __v?: V
}

/** Values by key and slot (a start time, a bucket); a slot is forgotten when its time is older than the retention. */
export interface WindowSpec<K, V> {
  readonly kind: 'window'
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly retentionMs: number
  readonly __k?: K
  readonly __v?: V
}

/** Values by key and time, added one by one; a value is forgotten when its time is older than the retention. */
export interface LogSpec<K, V> {
  readonly kind: 'log'
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
  readonly retentionMs: number
  readonly __k?: K
  readonly __v?: V
}

export const keyValueState = <K, V>(name: string, key: Serde<K>, value: Serde<V>): KeyValueSpec<K, V> => ({
  kind: 'keyValue',
  name,
  key,
  value,
})

export const windowState = <K, V>(
  name: string,
  key: Serde<K>,
  value: Serde<V>,
  options: { retentionMs: number },
): WindowSpec<K, V> => ({ kind: 'window', name, key, value, ...options })

export const logState = <K, V>(
  name: string,
  key: Serde<K>,
  value: Serde<V>,
  options: { retentionMs: number },
): LogSpec<K, V> => ({ kind: 'log', name, key, value, ...options })

/**
 * A value read from a store may be kept by it: to change it, put a value (the same object, if you changed it in
 * place).
 */
export interface KeyValueState<K, V> {
  get(key: K): V | undefined
  put(key: K, value: V): void
  delete(key: K): void
}

export interface WindowState<K, V> {
  get(key: K, slotMs: number): V | undefined
  /** Not made when the slot is older than stream time - retention. Stream time here: the highest slot put so far. */
  put(key: K, slotMs: number, value: V): void
  delete(key: K, slotMs: number): void
}

/**
 * What happened to a key, in order of time. Unlike a list in a key-value store, adding to it writes the newest few
 * values only, and in memory it is bytes: for much history of many keys.
 */
export interface LogState<K, V> {
  /**
   * Calls `visit` for each value of the key in `[fromMs, toMs]`, in the order of (time, arrival), until it answers
   * false. The value may be a view of memory that is used again: good during the call only, and up to another scan in
   * it. `append` throws in there.
   */
  scan(key: K, fromMs: number, toMs: number, visit: (value: V, timeMs: number) => boolean): void
  /** Not made when `timeMs` is older than stream time - retention. Stream time here: the highest time added so far. */
  append(key: K, timeMs: number, value: V): void
}
