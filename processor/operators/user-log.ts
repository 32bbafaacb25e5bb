import { ByteWriter } from '../../schemas/bytes.ts'
import type { LogSpec, LogState } from '../../topology/state.ts'
import { AppError } from '../errors.ts'
import { EventStore } from './event-store.ts'
import type { Counter, TaskContext } from './operator.ts'
import { lowerBound } from './span.ts'

/** A log store of a `process` step, as its code sees it. */
export class UserLog implements LogState<any, any> {
  readonly #store: EventStore
  readonly #spec: LogSpec<any, any>
  readonly #key = new ByteWriter(64)
  readonly #expiredWrites: Counter
  /** The row that is being scanned, -1 for none: the book is turned to it. */
  #scanned = -1

  constructor(spec: LogSpec<any, any>, context: Pick<TaskContext, 'state' | 'dropped'>) {
    this.#spec = spec
    const { name, retentionMs } = spec
    this.#store = new EventStore(context.state, name, spec.value, { spanMs: retentionMs, retentionMs })
    this.#expiredWrites = context.dropped(name, 'expired-writes')
  }

  scan(key: unknown, fromMs: number, toMs: number, visit: (value: any, timeMs: number) => boolean): void {
    const { book } = this.#store
    const oldestMs = this.#oldestMs()
    const outer = this.#scanned
    const row = this.#row(key, oldestMs)
    this.#scanned = row
    try {
      const count = book.length
      for (let index = lowerBound(book, Math.max(fromMs, oldestMs)); index < count; index++) {
        const timeMs = book.time(index)
        if (timeMs > toMs || !visit(book.peek(index), timeMs)) return
      }
    } finally {
      // A scan from inside a visit has turned the book to its own row.
      this.#scanned = outer
      if (outer >= 0) book.at(outer)
    }
  }

  append(key: unknown, timeMs: number, value: unknown): void {
    if (this.#scanned >= 0)
      throw new AppError(
        'TOPOLOGY',
        `Log '${this.#spec.name}' is appended to while it is scanned. Append when the scan is over.`,
      )
    const { root } = this.#store.slots
    if (timeMs > root.streamTime) {
      this.#store.slots.moveTo(timeMs)
    }
    const oldestMs = this.#oldestMs()
    if (timeMs < oldestMs) {
      this.#expiredWrites.value++
      return
    }
    const row = this.#row(key, oldestMs)
    this.#store.insert(row, this.#key.bytes, 0, this.#key.length, timeMs, value)
  }

  #row(key: unknown, sinceMs: number): number {
    this.#key.reset()
    this.#spec.key.write(key, this.#key)
    return this.#store.row(this.#key.bytes, 0, this.#key.length, sinceMs)
  }

  #oldestMs(): number {
    return this.#store.slots.root.streamTime - this.#spec.retentionMs
  }
}
