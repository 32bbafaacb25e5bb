import type { Counter, Operator, TaskContext } from './operator.ts'
import type { FlowRecord } from './record.ts'
import type { Rows } from './rows.ts'

export type TableJoinKind = 'inner' | 'left' | 'outer'

export interface TableJoinOptions {
  readonly name: string
  readonly how: TableJoinKind
  readonly fn: (left: any, right: any, key: any) => unknown
  readonly left: Rows
  readonly right: Rows
}

/** The row of a join, undefined for none. */
type Join = (left: unknown, right: unknown, key: unknown) => unknown

function joinOf({ how, fn }: TableJoinOptions): Join {
  return (left, right, key) => {
    if (left === undefined && (how !== 'outer' || right === undefined)) return undefined
    if (right === undefined && how === 'inner') return undefined
    return fn(left, right, key) ?? undefined
  }
}

/** A join of two tables, looked up: its rows are not kept, for they follow from both sides. */
export class JoinedRows implements Rows {
  readonly #left: Rows
  readonly #right: Rows
  readonly #join: Join
  timestamp = -1

  constructor(options: TableJoinOptions) {
    this.#left = options.left
    this.#right = options.right
    this.#join = joinOf(options)
  }

  find(record: FlowRecord): unknown {
    const left = this.#left.find(record)
    const leftMs = left === undefined ? -1 : this.#left.timestamp
    const right = this.#right.find(record)
    const rightMs = right === undefined ? -1 : this.#right.timestamp
    this.timestamp = Math.max(leftMs, rightMs)
    return this.#join(left, right, record.key)
  }
}

/**
 * One side of a join of two tables by key: a change there is joined with the other side's row as it is now, at the
 * higher of their times. Where both sides are there a deletion is forwarded even if it is repeated; where the other is
 * not, only if there was a row. (Kafka Streams: KTable.join, leftJoin, outerJoin.)
 *
 * ```
 *              left side           right side
 *   inner      needs the other     needs the other
 *   left       stands alone        needs the other
 *   outer      stands alone        stands alone
 * ```
 */
export class TableJoinSide implements Operator {
  readonly #other: Rows
  readonly #join: Join
  readonly #isLeft: boolean
  readonly #standsAlone: boolean
  readonly #out: Operator
  readonly #nullKey: Counter

  constructor(options: TableJoinOptions, side: 'left' | 'right', context: TaskContext, out: Operator) {
    this.#isLeft = side === 'left'
    this.#other = this.#isLeft ? options.right : options.left
    this.#join = joinOf(options)
    this.#standsAlone = options.how === 'outer' || (options.how === 'left' && this.#isLeft)
    this.#out = out
    this.#nullKey = context.dropped(options.name, 'null-key')
  }

  process(record: FlowRecord): void {
    if (record.keyIsNull) {
      this.#nullKey.value++
      return
    }
    const { timestamp } = record
    const value: unknown = record.value
    const former: unknown = record.former
    const other = this.#other.find(record)
    if (other === undefined) {
      if (!this.#standsAlone || ((value ?? undefined) === undefined && former === undefined)) return
    } else record.timestamp = Math.max(timestamp, this.#other.timestamp)
    record.value = this.#joined(value ?? undefined, other, record.key) ?? null
    record.former = this.#joined(former, other, record.key)
    this.#out.process(record)
    record.value = value
    record.former = former
    record.timestamp = timestamp
  }

  #joined(own: unknown, other: unknown, key: unknown): unknown {
    return this.#isLeft ? this.#join(own, other, key) : this.#join(other, own, key)
  }
}
