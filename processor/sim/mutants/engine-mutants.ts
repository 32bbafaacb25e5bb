import type { Mutant } from './mutant.ts'

const runtime = 'processor/runtime'
const state = 'processor/state'

/** Bugs of the engine. */
export const engineMutants: readonly Mutant[] = [
  {
    id: 'B11',
    bug: 'Partitions are given up at once, and what was done for them is committed when others have them',
    source: 'kafkajs #1046',
    edits: [
      {
        file: `${runtime}/releases.ts`,
        find: 'const tasks = this.#tasks.retire(places)',
        replace: 'const tasks = this.#tasks.retire(places)\n    done()',
      },
      {
        file: 'processor/kafka/native/group.ts',
        find: '!isCurrent() && this.#owns(offsets) ? this.#metadata : null',
        replace: '!isCurrent() ? this.#metadata : null',
      },
    ],
  },
  {
    id: 'B15',
    bug: 'State goes to disk before its transaction is committed, and is used after a crash',
    source: 'KAFKA-7192',
    edits: [
      {
        file: `${runtime}/commit.ts`,
        find: '    await producer.sendOffsets(offsets',
        replace: `    for (const { task, positions } of shares) {
      task.committed(positions, store => producer.nextOffset(topics.changelog(store), task.partition))
      await task.state.flush(1)
    }
    await producer.sendOffsets(offsets`,
      },
    ],
  },
  {
    id: 'B16',
    bug: 'A copy of state takes what is not committed, and what was aborted',
    source: 'KAFKA-9891, KAFKA-9727',
    edits: [
      {
        file: `${runtime}/changelogs.ts`,
        find: "isolation: 'read_committed'",
        replace: "isolation: 'read_uncommitted'",
      },
    ],
  },
  {
    id: 'B18',
    bug: 'A restore ends at the last stable offset, which a transaction that is being ended holds back',
    source: 'KAFKA-10167; kafka-flow #850',
    edits: [
      {
        file: `${runtime}/open.ts`,
        find: "admin().offsets(parts, 'latest', 'read_uncommitted')",
        replace: "admin().offsets(parts, 'latest', 'read_committed')",
      },
    ],
  },
  {
    id: 'B24',
    bug: 'A restore passes over tombstones: what was deleted is there again',
    source: 'KAFKA-8446',
    edits: [
      {
        file: `${state}/replays.ts`,
        find: 'this.#writes.push({ key, value: null })',
        replace: '',
      },
    ],
  },
  {
    id: 'B30',
    bug: 'Stream time is lost with a restart: what was late is not late any more',
    source: 'KAFKA-7994',
    edits: [
      {
        file: `${state}/root.ts`,
        find: 'const streamTime = f64()',
        replace: 'const streamTime = Math.min(-1, f64())',
      },
    ],
  },
]
