import type { OpenTask, Readings, TaskCounts, ThreadReading } from './readings.ts'

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface MetricDefinition {
  readonly name: string
  readonly help: string
  readonly labels: string[]
  readonly samples: (readings: Readings) => Iterable<Sample>
}

const unlabelled = (value: number): Sample[] => [{ labels: {}, value }]

function* byTask(
  readings: Readings,
  of: (counts: TaskCounts) => ReadonlyMap<string, number>,
  label: string,
): Iterable<Sample> {
  for (const [task, counts] of readings.counts) {
    for (const [name, value] of of(counts)) yield { labels: { task, [label]: name }, value }
  }
}

const perTask =
  (of: (task: OpenTask) => number): MetricDefinition['samples'] =>
  ({ tasks }) =>
    tasks.map(task => ({ labels: { task: task.task }, value: of(task) }))

const perThread =
  (of: (thread: ThreadReading) => number): MetricDefinition['samples'] =>
  ({ threads }) =>
    threads.map(thread => ({ labels: { thread: String(thread.worker) }, value: of(thread) }))

// A task runs in one thread at a time, and may move: series of tasks, and sums over all of them, are the same however
// many threads a process has. What belongs to a thread has a label for it.
/** Label sets are bounded by the topology and its partitions: no key or value of a record becomes one. */
export const counters: readonly MetricDefinition[] = [
  {
    name: 'millrace_records_processed_total',
    help: 'Records taken from a topic, committed; time marks of repartition topics included.',
    labels: ['task', 'topic'],
    samples: readings => byTask(readings, counts => counts.records, 'topic'),
  },
  {
    name: 'millrace_records_rejected_total',
    help: 'Records that could not be decoded or processed and went to the dead-letter topic, by error code.',
    labels: ['task', 'code'],
    samples: readings => byTask(readings, counts => counts.rejected, 'code'),
  },
  {
    name: 'millrace_records_dropped_total',
    help: 'Records, or their parts in windows that were closed, that a step did not take, by reason.',
    labels: ['task', 'step', 'reason'],
    *samples(readings) {
      for (const [task, { dropped }] of readings.counts) {
        for (const [name, value] of dropped) {
          const [step = '', reason = ''] = name.split(' ')
          yield { labels: { task, step, reason }, value }
        }
      }
    },
  },
  {
    name: 'millrace_user_count_total',
    help: "Counts of the topology's own code, by name.",
    labels: ['task', 'name'],
    samples: readings => byTask(readings, counts => counts.counters, 'name'),
  },
  {
    name: 'millrace_commits_total',
    help: 'Committed transactions, or commits of offsets under at_least_once.',
    labels: [],
    samples: ({ commits }) => unlabelled(commits),
  },
  {
    name: 'millrace_transactions_aborted_total',
    help: 'Transactions given up and processed again.',
    labels: [],
    samples: ({ aborts }) => unlabelled(aborts),
  },
  {
    name: 'millrace_group_generations_total',
    help: 'Assignments of tasks by the group: each rebalance takes one or two.',
    labels: [],
    samples: ({ generations }) => unlabelled(generations),
  },
  {
    name: 'millrace_event_loop_blocked_total',
    help: 'Times that user code of a task held the event loop for long: nothing else ran, and heartbeats waited.',
    labels: ['task'],
    *samples({ blocks }) {
      for (const [task, { times }] of blocks) yield { labels: { task }, value: times }
    },
  },
  {
    name: 'millrace_event_loop_blocked_seconds_total',
    help: 'How long user code of a task held the event loop in those times.',
    labels: ['task'],
    *samples({ blocks }) {
      for (const [task, { seconds }] of blocks) yield { labels: { task }, value: seconds }
    },
  },
  {
    name: 'millrace_state_reads_total',
    help: 'Point reads of the disk: entries of state that were not in memory.',
    labels: ['task'],
    samples: perTask(task => task.state.reads),
  },
  {
    name: 'millrace_state_hits_total',
    help: 'Reads of state answered from memory.',
    labels: ['task'],
    samples: perTask(task => task.state.hits),
  },
  {
    name: 'millrace_restore_records_total',
    help: 'Changelog records read to restore the state of tasks that are to run here.',
    labels: [],
    samples: ({ restore }) => unlabelled(restore.records),
  },
  {
    name: 'millrace_thread_replacements_total',
    help: 'Crashes of a thread after which another took its place.',
    labels: ['thread'],
    samples: perThread(({ replacements }) => replacements),
  },
  {
    name: 'millrace_restore_bytes_total',
    help: 'Bytes of changelogs read for that, as they came.',
    labels: [],
    samples: ({ restore }) => unlabelled(restore.bytes),
  },
]

const states = ['running', 'waiting'] as const

export const gauges: readonly MetricDefinition[] = [
  {
    name: 'millrace_lag_records',
    help: 'Offsets between what was taken and the end of the partition, as of the last fetch.',
    labels: ['topic', 'partition'],
    samples: ({ tasks }) =>
      tasks.flatMap(({ sources }) =>
        sources.map(({ topic, partition, lagRecords }) => ({
          labels: { topic, partition: String(partition) },
          value: lagRecords,
        })),
      ),
  },
  {
    name: 'millrace_state_cache_bytes',
    help: 'Estimated memory of decoded state.',
    labels: ['task'],
    samples: perTask(task => task.state.cacheBytes),
  },
  {
    name: 'millrace_state_entries',
    help: 'Decoded entries of state in memory.',
    labels: ['task'],
    samples: perTask(task => task.state.entries),
  },
  {
    name: 'millrace_state_pending_bytes',
    help: 'Committed changes of state that are not on disk yet.',
    labels: ['task'],
    samples: perTask(task => task.state.pendingBytes),
  },
  {
    name: 'millrace_restore_remaining_records',
    help: 'Changelog offsets still to be read before tasks can run.',
    labels: [],
    samples: ({ restore }) => unlabelled(restore.remaining),
  },
  {
    name: 'millrace_copy_lag_records',
    help: 'Committed records of a changelog that a standby or a warm-up of its task lacks, as of the last fetch.',
    labels: ['topic', 'partition', 'kind'],
    samples: ({ copies }) =>
      copies.flatMap(({ kind, stores }) =>
        stores.map(({ topic, partition, lagRecords }) => ({
          labels: { topic, partition: String(partition), kind },
          value: lagRecords,
        })),
      ),
  },
  {
    name: 'millrace_stream_time_seconds',
    help: 'Highest event time taken by the task, seconds since 1970; -1 before the first record.',
    labels: ['task'],
    samples: perTask(task => (task.streamTimeMs < 0 ? -1 : task.streamTimeMs / 1000)),
  },
  {
    name: 'millrace_slowest_upstream',
    help: 'The upstream partition of a repartition topic that holds back the time of the task; -1 for none.',
    labels: ['task'],
    samples: perTask(task => task.slowestUpstream),
  },
  {
    name: 'millrace_task_state',
    help: '1 for the state that the task is in: running, or waiting for something outside (a schema).',
    labels: ['task', 'state'],
    *samples({ tasks }) {
      for (const { task, isWaiting } of tasks) {
        for (const state of states)
          yield { labels: { task, state }, value: Number((state === 'waiting') === isWaiting) }
      }
    },
  },
  {
    name: 'millrace_thread_tasks',
    help: 'Tasks that run in the thread.',
    labels: ['thread'],
    samples: perThread(({ tasks }) => tasks),
  },
  {
    name: 'millrace_thread_heap_bytes',
    help: 'Memory of the objects of JavaScript in the thread.',
    labels: ['thread'],
    samples: perThread(({ heapBytes }) => heapBytes),
  },
  {
    name: 'millrace_thread_silent_seconds',
    help: 'Since the thread last reported, which it does 5 times a second while its event loop turns.',
    labels: ['thread'],
    samples: perThread(({ silentMs }) => silentMs / 1000),
  },
]
