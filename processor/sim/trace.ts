import type { Timeline } from './timeline.ts'

/** What happened, as lines with their virtual time: hashed always, kept only for a reader. */
export class Trace {
  readonly #timeline: Timeline
  readonly #print: ((line: string) => void) | null
  #high = 0x811c9dc5
  #low = 0x1b873593
  lines = 0

  constructor(timeline: Timeline, print: ((line: string) => void) | null) {
    this.#timeline = timeline
    this.#print = print
  }

  add(who: string, what: string): void {
    const line = `${(this.#timeline.nowUs / 1000).toFixed(3)} ${who} ${what}`
    this.lines++
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i)
      this.#high = Math.imul(this.#high ^ code, 0x01000193)
      this.#low = Math.imul(this.#low ^ code, 0x85ebca6b) + 1
    }
    this.#print?.(line)
  }

  /** Equal for equal runs. */
  get hash(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0')
    return hex(this.#high) + hex(this.#low)
  }
}

/** What was hit in a run, by name: a batch in which something was never hit proves nothing about it. */
export class Counts {
  readonly #counts = new Map<string, number>()

  add(name: string, by = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by)
  }

  get(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  all(): ReadonlyMap<string, number> {
    return this.#counts
  }
}
