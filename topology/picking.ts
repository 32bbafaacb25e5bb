import { StateReader, type StateSerde, writeSized } from './aggregate-state.ts'
import type { Aggregate } from './aggregates.ts'
import { LimitError, TopologyError } from './errors.ts'
import { membersMax } from './limits.ts'
import type { Serde } from '../schemas/serde.ts'

// Aggregates that keep values as they are.

export interface PickOptions<V, T> {
  /** Only values for which this is true. */
  readonly where?: (value: V) => boolean
  /**
   * Writes what is kept. Needed where the aggregate is state: everywhere but in trailing spans, whose state is their
   * events.
   */
  readonly serde?: Serde<T>
}

/** At most one value; an array, because a value may be undefined. */
export type Picked<T> = [] | [T]

/** The value that came last; undefined of none. */
export function latest<V, T>(
  of: (value: V) => T,
  options: PickOptions<V, T> = {},
): Aggregate<V, Picked<T>, T | undefined> {
  return { kind: 'latest', ...picking(of, options), merge: (left, right) => (right.length === 0 ? left : right) }
}

/** The value that came first; undefined of none. */
export function first<V, T>(
  of: (value: V) => T,
  options: PickOptions<V, T> = {},
): Aggregate<V, Picked<T>, T | undefined> {
  const { add, ...rest } = picking(of, options)
  return {
    kind: 'first',
    ...rest,
    add: (picked, value) => (picked.length === 0 ? add(picked, value) : picked),
    merge: (left, right) => (left.length === 0 ? right : left),
  }
}

function picking<V, T>(
  of: (value: V) => T,
  { where, serde }: PickOptions<V, T>,
): Pick<Aggregate<V, Picked<T>, T | undefined>, 'init' | 'add' | 'result' | 'state'> {
  return {
    init: () => [],
    // A new array: merge may have passed the old one on.
    add: (picked, value) => (where === undefined || where(value) ? [of(value)] : picked),
    result: picked => picked[0],
    state: itemsState(serde) as Serde<any>,
  }
}

export interface ListOptions<V, T> extends PickOptions<V, T> {
  /** Keeps the newest so many. Default: all, and a `LimitError` beyond 100,000. */
  readonly limit?: number
}

/** The values in order: in trailing spans by (time, arrival), else as they came. */
export function list<V>(of?: undefined, options?: ListOptions<V, V>): Aggregate<V, V[], readonly V[]>
export function list<V, T>(of: (value: V) => T, options?: ListOptions<V, T>): Aggregate<V, T[], readonly T[]>
export function list(
  of: (value: any) => any = value => value,
  options: ListOptions<any, any> = {},
): Aggregate<any, any[], readonly any[]> {
  const { where, limit, serde } = options
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit > 0)) {
    throw new TopologyError(`The limit of a list is ${limit}. Give how many values to keep, at least 1.`)
  }
  const bound = (items: any[]): any[] => {
    if (limit !== undefined && items.length > limit) items.splice(0, items.length - limit)
    else if (items.length > membersMax && limit === undefined) {
      throw new LimitError(
        `A list holds more than ${membersMax} values. Give it a limit (it then keeps the newest), or fold the ` +
          'values instead.',
      )
    }
    return items
  }
  return {
    kind: 'list',
    init: () => [],
    add(items, value) {
      if (where !== undefined && !where(value)) return items
      items.push(of(value))
      return bound(items)
    },
    merge(left, right) {
      for (const item of right) left.push(item)
      return bound(left)
    },
    // With a limit the oldest value may be gone already: then it cannot leave again.
    ...(limit === undefined && {
      subtract(items: any[], value: any): any[] {
        if (where === undefined || where(value)) items.shift()
        return items
      },
    }),
    result: items => items.slice(),
    state: itemsState(serde),
    sizeBytes: items => 64 + items.length * 16,
  }
}

/**
 * Items one after another, each with its length in front. Undefined without a serde: `compile` refuses to keep such
 * state.
 */
function itemsState<T>(serde: Serde<T> | undefined): StateSerde<T[]> {
  if (serde === undefined) return withoutSerde
  return {
    name: `items(${serde.name})`,
    write(items, out) {
      for (const item of items) writeSized(serde, item, out)
    },
    read(bytes, start, end) {
      const reader = new StateReader(bytes, start, end)
      const items: T[] = []
      while (!reader.done) items.push(reader.sized(serde))
      return items
    },
  }
}

const refuse = (): never => {
  throw new TopologyError('This aggregate keeps values whose serde is not known. Pass it: { serde }.')
}

/** The state of an aggregate that was given no serde: fine in trailing spans, refused by `compile` elsewhere. */
export const withoutSerde: StateSerde<any> = { name: 'none', write: refuse, read: refuse }
