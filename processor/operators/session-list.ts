import { Buffer } from 'node:buffer'
import type { Serde } from '../../schemas/serde.ts'
import { StateReader, writeSized } from '../../topology/aggregate-state.ts'
import type { Fold, Folded } from './fold.ts'

/** A session of one key: the times of its first and last event, and what they come to. */
export interface Session {
  readonly startMs: number
  readonly endMs: number
  readonly folded: Folded
}

/** The sessions of a key by their ends, in one row: few, for only those are kept that are open. */
export function sessionsCodec(fold: Fold): Pick<Serde<readonly Session[]>, 'read' | 'write'> {
  const states = fold as unknown as Serde<Folded>
  return {
    write(sessions, out) {
      out.i32(sessions.length)
      for (const { startMs, endMs, folded } of sessions) {
        out.f64(startMs)
        out.f64(endMs)
        writeSized(states, folded, out)
      }
    },
    read(bytes, start, end) {
      const reader = new StateReader(bytes, start, end)
      const sessions = Array.from({ length: reader.count() }, (): Session => ({
        startMs: reader.double(),
        endMs: reader.double(),
        folded: reader.sized(states),
      }))
      reader.end()
      return sessions
    },
  }
}

/** A session that is to be closed, if it is still there then. */
export interface Due {
  readonly endMs: number
  readonly startMs: number
  readonly key: Buffer
}

/** Sessions by (end, start, key bytes). */
const compare = (a: Due, b: Due): number => a.endMs - b.endMs || a.startMs - b.startMs || Buffer.compare(a.key, b.key)

/** What is due next, of a part of time; the earliest is taken first. */
export class DueSessions {
  /** The last one is the earliest: taking it moves nothing. */
  readonly #sorted: Due[]

  constructor(due: Due[]) {
    this.#sorted = due.sort((a, b) => compare(b, a))
  }

  get isEmpty(): boolean {
    return this.#sorted.length === 0
  }

  add(due: Due): void {
    let [low, high] = [0, this.#sorted.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (compare(this.#sorted[middle]!, due) > 0) low = middle + 1
      else high = middle
    }
    this.#sorted.splice(low, 0, due)
  }

  /** The earliest, if it ends before `limitMs`. */
  take(limitMs: number): Due | undefined {
    const next = this.#sorted.at(-1)
    return next !== undefined && next.endMs < limitMs ? this.#sorted.pop() : undefined
  }
}
