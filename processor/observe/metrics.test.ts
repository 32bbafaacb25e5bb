import { expect, test } from 'vitest'
import { Metrics } from './metrics.ts'
import { openTask, readings } from './testing.ts'

const lines = async (metrics: Metrics): Promise<string[]> => (await metrics.text()).split('\n')

test('counts and states of tasks, as Prometheus reads them', async () => {
  const metrics = new Metrics(() => readings())
  metrics.committed(0.02)
  const text = await lines(metrics)
  for (const line of [
    'millrace_records_processed_total{task="0_0",topic="payments"} 100',
    'millrace_records_processed_total{task="0_1",topic="payments"} 10',
    'millrace_records_rejected_total{task="0_0",code="ERR_DECODE"} 3',
    'millrace_records_dropped_total{task="0_0",step="kpi-time",reason="late"} 2',
    'millrace_user_count_total{task="0_0",name="rejected.ERR_TIME"} 4',
    'millrace_lag_records{topic="payments",partition="0"} 7',
    'millrace_commits_total 9',
    'millrace_transactions_aborted_total 1',
    'millrace_state_entries{task="0_0"} 12',
    'millrace_state_cache_bytes{task="0_0"} 3456',
    'millrace_state_pending_bytes{task="0_0"} 78',
    'millrace_state_reads_total{task="0_0"} 5',
    'millrace_state_hits_total{task="0_0"} 95',
    'millrace_restore_records_total 1200',
    'millrace_restore_bytes_total 34000',
    'millrace_restore_remaining_records 300',
    'millrace_copy_lag_records{topic="fraud-seen-changelog",partition="2",kind="standby"} 14',
    'millrace_copy_lag_records{topic="fraud-seen-changelog",partition="3",kind="warmup"} 9000',
    'millrace_stream_time_seconds{task="0_0"} 1700000000.5',
    'millrace_stream_time_seconds{task="1_0"} -1',
    'millrace_slowest_upstream{task="1_0"} 2',
    'millrace_task_state{task="1_0",state="waiting"} 1',
    'millrace_task_state{task="1_0",state="running"} 0',
    'millrace_commit_seconds_bucket{le="0.025"} 1',
    'millrace_commit_seconds_bucket{le="0.01"} 0',
    'millrace_commit_seconds_count 1',
  ])
    expect(text).toContain(line)
})

test('each reading replaces the one before, also where a task has gone', async () => {
  let now = readings()
  const metrics = new Metrics(() => now)
  await metrics.text()
  now = readings({ commits: 10, tasks: [openTask({ task: '0_1' })] })
  const text = await lines(metrics)
  expect(text).toContain('millrace_commits_total 10')
  expect(text.filter(line => line.startsWith('millrace_state_entries{'))).toEqual([
    'millrace_state_entries{task="0_1"} 12',
  ])
})

// What `promtool check metrics` looks at.
test('every metric has a help text, our prefix, and a name that fits its type', async () => {
  const text = await lines(new Metrics(() => readings()))
  const types = new Map(
    text.flatMap(line => (line.startsWith('# TYPE ') ? [line.slice(7).split(' ') as [string, string]] : [])),
  )
  expect(types.size).toBeGreaterThan(30)
  for (const [name, type] of types) {
    expect(name).toMatch(/^millrace_[a-z0-9_]+$/)
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
    expect(name).not.toMatch(/_(ms|milliseconds|kilobytes|mb|gauge|counter|histogram)$/)
    expect(text.find(line => line.startsWith(`# HELP ${name} `))).toMatch(/ \S.*\S$/)
  }
})
