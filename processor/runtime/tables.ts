import type { RunNode, RunStep, SubTopology } from '../../topology/compiled.ts'
import { assert } from '../errors.ts'
import { Fold, type Folded } from '../operators/fold.ts'
import { AggregateRows, MappedRows, type Rows, type StoredRow, storedRowCodec, StoredRows } from '../operators/rows.ts'
import { JoinedRows, type TableJoinOptions } from '../operators/table-join.ts'
import type { CachedStore } from '../state/cached.ts'
import type { TaskState } from '../state/task-state.ts'

type StepOf<Kind extends RunStep['kind']> = Extract<RunStep, { kind: Kind }>

/** The tables of a task: what they keep, and how their rows are looked up. Made when they are first asked for. */
export class Tables {
  readonly #part: SubTopology
  readonly #state: TaskState
  readonly #stored = new Map<number, CachedStore<StoredRow>>()
  readonly #aggregated = new Map<number, { readonly rows: CachedStore<Folded>; readonly fold: Fold }>()

  constructor(part: SubTopology, state: TaskState) {
    this.#part = part
    this.#state = state
  }

  #node(id: number): RunNode {
    return this.#part.nodes.find(node => node.id === id)!
  }

  /** For messages and counts. */
  name(id: number): string {
    const { step, from } = this.#node(id)
    if ('store' in step) return step.store
    return from.length === 0 ? `node ${id}` : from.map(parent => this.name(parent)).join(' and ')
  }

  stored(id: number): CachedStore<StoredRow> {
    let rows = this.#stored.get(id)
    if (rows === undefined) {
      const { store, value } = this.#node(id).step as StepOf<'tableStore'>
      this.#stored.set(id, (rows = this.#state.cached(store, storedRowCodec(value))))
    }
    return rows
  }

  aggregated(id: number): { readonly rows: CachedStore<Folded>; readonly fold: Fold } {
    let found = this.#aggregated.get(id)
    if (found === undefined) {
      const { store, spec } = this.#node(id).step as StepOf<'aggregate'>
      const fold = new Fold(spec)
      this.#aggregated.set(id, (found = { rows: this.#state.cached<Folded>(store, fold), fold }))
    }
    return found
  }

  rows(id: number): Rows {
    const { step, from } = this.#node(id)
    switch (step.kind) {
      case 'tableStore':
        return new StoredRows(this.stored(id))
      case 'aggregate': {
        const { rows, fold } = this.aggregated(id)
        return new AggregateRows(rows, fold)
      }
      case 'tableFilter':
      case 'tableMap':
        return new MappedRows(this.rows(from[0]!), this.mapper(step))
      default:
        assert(step.kind === 'tableJoin', `node ${id} is no table`)
        return new JoinedRows(this.join(id))
    }
  }

  join(id: number): TableJoinOptions {
    const { step, from } = this.#node(id)
    assert(step.kind === 'tableJoin', `node ${id} is no join of tables`)
    const [left, right] = [this.rows(from[0]!), this.rows(from[1]!)]
    return { name: `join of ${this.name(id)}`, how: step.how, fn: step.fn, left, right }
  }

  /** A filter or a map as a function of rows; undefined stands for no row. */
  mapper(step: StepOf<'tableFilter' | 'tableMap'>): (row: unknown, key: unknown) => unknown {
    const { fn } = step
    if (step.kind === 'tableMap') return (row, key) => fn(row, key) ?? undefined
    const { keep } = step
    return (row, key) => (Boolean(fn(row, key)) === keep ? row : undefined)
  }

  /** Whether changes of this table can tell the row before them. */
  knowsFormer(id: number): boolean {
    const { step, from } = this.#node(id)
    if (step.kind === 'upsert') return false
    return step.kind !== 'tableFilter' && step.kind !== 'tableMap' ? true : this.knowsFormer(from[0]!)
  }

  /** Whether this step, or one that reads its changes as a table, asks for the row before. */
  needsFormer(id: number): boolean {
    const { step, to } = this.#node(id)
    if (step.kind === 'tableFilter') return true
    return to.some(child => {
      const { kind } = this.#node(child).step
      return kind === 'tableJoin' || kind === 'tableFilter' || (kind === 'tableMap' && this.needsFormer(child))
    })
  }
}
