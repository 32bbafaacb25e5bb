import type { TopicPartition } from '../ports.ts'

export interface CommittedOffset extends TopicPartition {
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

const keyOf = (topic: string, partition: number): string => `${topic}-${partition}`

/** The committed offsets of one group, and those that wait for the end of their transaction. */
export class GroupOffsets {
  readonly #committed = new Map<string, CommittedOffset>()
  readonly #pending = new Map<number, Map<string, CommittedOffset>>()

  commit(offset: CommittedOffset): void {
    this.#committed.set(keyOf(offset.topic, offset.partition), offset)
  }

  /** Visible once the transaction of this producer commits. */
  add(producerId: number, offset: CommittedOffset): void {
    let offsets = this.#pending.get(producerId)
    if (offsets === undefined) this.#pending.set(producerId, (offsets = new Map()))
    offsets.set(keyOf(offset.topic, offset.partition), offset)
  }

  end(producerId: number, committed: boolean): void {
    const offsets = this.#pending.get(producerId)
    this.#pending.delete(producerId)
    if (committed) for (const [key, offset] of offsets ?? []) this.#committed.set(key, offset)
  }

  get(topic: string, partition: number): CommittedOffset | undefined {
    return this.#committed.get(keyOf(topic, partition))
  }

  /** Whether a transaction that has not ended is about to change it (KIP-447). */
  unstable(topic: string, partition: number): boolean {
    const key = keyOf(topic, partition)
    for (const offsets of this.#pending.values()) if (offsets.has(key)) return true
    return false
  }

  all(): Iterable<CommittedOffset> {
    return this.#committed.values()
  }

  /** Forgets the offsets of a topic that was deleted. */
  forget(topic: string): void {
    for (const offsets of [this.#committed, ...this.#pending.values()]) {
      for (const [key, offset] of offsets) if (offset.topic === topic) offsets.delete(key)
    }
  }
}
