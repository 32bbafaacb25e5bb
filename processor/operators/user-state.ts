import { ByteWriter } from '../../schemas/bytes.ts'
import type { KeyValueSpec, KeyValueState, LogState, StateSpec, WindowSpec, WindowState } from '../../topology/state.ts'
import { AppError } from '../errors.ts'
import type { CachedStore } from '../state/cached.ts'
import { SlotStore } from '../state/slots.ts'
import type { Counter, TaskContext } from './operator.ts'
import { UserLog } from './user-log.ts'

/** Entries deleted in one commit, about: expiry never holds the task up. */
const expiredPerCommit = 2000

/** The stores of a `process` step, as its code sees them. */
export function userState(
  spec: StateSpec,
  context: TaskContext,
): KeyValueState<any, any> | WindowState<any, any> | LogState<any, any> {
  if (spec.kind === 'keyValue') return new KeyValue(spec, context)
  return spec.kind === 'window' ? new Windows(spec, context) : new UserLog(spec, context)
}

class KeyValue implements KeyValueState<any, any> {
  readonly #rows: CachedStore<unknown>
  readonly #spec: KeyValueSpec<any, any>
  readonly #key = new ByteWriter(64)

  constructor(spec: KeyValueSpec<any, any>, context: TaskContext) {
    this.#spec = spec
    this.#rows = context.state.cached<unknown>(spec.name, spec.value)
  }

  #row(key: unknown): number {
    this.#key.reset()
    this.#spec.key.write(key, this.#key)
    return this.#rows.row(this.#key.bytes, 0, this.#key.length)
  }

  get(key: unknown): unknown {
    return this.#rows.get(this.#row(key))
  }

  put(key: unknown, value: unknown): void {
    this.#rows.set(this.#row(key), value ?? undefined)
  }

  delete(key: unknown): void {
    this.#rows.set(this.#row(key), undefined)
  }
}

class Windows implements WindowState<any, any> {
  readonly #slots: SlotStore<unknown>
  readonly #spec: WindowSpec<any, any>
  readonly #key = new ByteWriter(64)
  readonly #expiredWrites: Counter

  constructor(spec: WindowSpec<any, any>, context: TaskContext) {
    this.#spec = spec
    context.state.beforeFreeze(() => this.#expire())
    this.#slots = new SlotStore<unknown>(context.state, spec.name, spec.value)
    this.#expiredWrites = context.dropped(spec.name, 'expired-writes')
  }

  #row(key: unknown, slotMs: number): number {
    if (!(Number.isSafeInteger(slotMs) && slotMs >= 0)) {
      throw new AppError(
        'TOPOLOGY',
        `The slot of '${this.#spec.name}' is ${slotMs}. Give a whole number of at least 0.`,
      )
    }
    this.#key.reset()
    this.#spec.key.write(key, this.#key)
    return this.#slots.row(this.#key.bytes, 0, this.#key.length, slotMs)
  }

  get(key: unknown, slotMs: number): unknown {
    // No slot is below 0: code that looks back from the first ones finds nothing.
    if (slotMs < this.#oldest() || slotMs < 0 || !this.#slots.has(slotMs)) return undefined
    return this.#slots.entries.get(this.#row(key, slotMs))
  }

  put(key: unknown, slotMs: number, value: unknown): void {
    const { root } = this.#slots
    if (slotMs > root.streamTime) {
      root.streamTime = slotMs
      this.#slots.touch()
    }
    if (slotMs < this.#oldest()) {
      this.#expiredWrites.value++
      return
    }
    const row = this.#row(key, slotMs)
    if (this.#slots.entries.get(row) === undefined) this.#slots.register(this.#key.bytes, 0, this.#key.length, slotMs)
    this.#slots.entries.set(row, value ?? undefined)
  }

  delete(key: unknown, slotMs: number): void {
    this.#slots.entries.set(this.#row(key, slotMs), undefined)
  }

  #oldest(): number {
    return this.#slots.root.streamTime - this.#spec.retentionMs
  }

  #expire(): void {
    let left = expiredPerCommit
    while (left > 0) {
      const slot = this.#slots.slots[0]?.slot
      if (slot === undefined || slot >= this.#oldest()) return
      for (const key of this.#slots.takePage(slot)) {
        const row = this.#slots.row(key, 0, key.length, slot)
        if (this.#slots.entries.get(row) === undefined) continue
        left--
        this.#slots.entries.set(row, undefined)
      }
    }
  }
}
