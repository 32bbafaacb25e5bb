import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { restRegistry } from '../../schemas/registry-rest.ts'
import { nativeKafka } from '../kafka/native/client.ts'
import { tcpTransport } from '../kafka/native/tcp.ts'
import { dropTopics } from '../testing/flagship-testing.ts'
import { partitionsOf, readTopic, type TopicRows } from '../testing/read-rows.ts'
import { type Death, runScenario, type Scenario, type Start } from '../testing/kill/scenario-testing.ts'
import { compareState } from '../testing/kill/state-on-disk.ts'
import { judge, readWritten } from '../testing/written-testing.ts'
import { changelogTopic } from '../../topology/names.ts'
import { silentLog, systemWorld } from '../world.ts'

// The flagship on real Kafka is killed at each step of a commit, and three times more with its state deleted. What it
// has written by the end is what the oracle computes from the input, once.

const brokers = inject('kafkaBrokers')
  .split(',')
  .map(address => address.split(':'))
  .map(([host, port]) => ({ host: host!, port: Number(port) }))
const registryUrl = inject('schemaRegistryUrl')
const world = systemWorld(silentLog)
const kafka = nativeKafka({ transport: tcpTransport({ bootstrap: brokers }), world, clientId: 'exactly-once' })
const registry = restRegistry({ url: registryUrl })
const name = `kill-${randomUUID().slice(0, 8)}`
const folder = mkdtempSync(join(tmpdir(), 'millrace-kill-'))

/** The kill points of the reliability plan. Most come in the third transaction: the first have filled the stores. */
const deaths: readonly Death[] = [
  { point: 'K1', kill: { step: 'begun', occurrence: 4 } },
  { point: 'K2', kill: { step: 'sending', occurrence: 8 } },
  { point: 'K3', kill: { step: 'flushed', occurrence: 3 } },
  { point: 'K4', kill: { step: 'offsetsSent', occurrence: 3 } },
  { point: 'K5', kill: { step: 'offsetsPending', occurrence: 3 } },
  { point: 'K6', kill: { step: 'endSent', occurrence: 3 } },
  { point: 'K7', kill: { step: 'committed', occurrence: 3 } },
  { point: 'K8, not answered', kill: { step: 'storing', occurrence: 20 } },
  { point: 'K8, one of two tasks', kill: { step: 'storedOne', occurrence: 2 } },
  {
    point: 'K9, before the last commit',
    terminate: { step: 'begun', occurrence: 3 },
    kill: { step: 'closing', occurrence: 1 },
  },
  {
    point: 'K9, within the last commit',
    terminate: { step: 'begun', occurrence: 3 },
    kill: { step: 'offsetsPending', occurrence: 1, after: 'closing' },
  },
  { point: 'K2, state deleted', kill: { step: 'sending', occurrence: 8 }, deletesState: true },
  { point: 'K5, state deleted', kill: { step: 'offsetsPending', occurrence: 2 }, deletesState: true },
  { point: 'K7, state deleted', kill: { step: 'committed', occurrence: 2 }, deletesState: true },
]

let run: Scenario
let changelogs: ReadonlyMap<string, TopicRows>

beforeAll(async () => {
  await kafka.connect()
  run = await runScenario({
    kafka,
    brokers,
    registry,
    registryUrl,
    world,
    name,
    partitions: 4,
    ratePerSecond: 1000,
    stateFolder: folder,
    deaths,
  })
  changelogs = new Map(
    await Promise.all(run.changelogs.map(async topic => [topic, await readTopic(kafka, topic)] as const)),
  )
}, 240_000)

afterAll(async () => {
  await dropTopics(kafka, `${name}-`, `${name}-app`)
  await kafka.close()
  rmSync(folder, { recursive: true, force: true })
})

test('what is committed is what the oracle computes, record for record', async () => {
  const written = await readWritten(kafka, registry, run.topics)
  const { lines, want } = judge(written, run.placed)
  expect(lines).toEqual([])
  // The input met what it is made for.
  expect(Object.keys(want.alertsByRule).length).toBe(5)
  expect(Object.keys(want.rejectedByCode).length).toBe(12)
  expect(want.alerts.length).toBeGreaterThan(100)
  expect(want.analytics.size).toBeGreaterThan(1000)
  expect(want.late.length).toBeGreaterThan(10)
  expect(want.duplicates.length).toBeGreaterThan(10)
  // A mark in each partition, and before it exactly what was sent.
  expect(written.input.length).toBe(want.payments + 4)
})

test('a reader that was there all the time saw nothing else', async () => {
  for (const [topic, { rows }] of run.seen) {
    expect(rows).toEqual((await readTopic(kafka, topic)).rows)
  }
})

test('transactions were aborted, and what they had written is in the log', async () => {
  for (const topic of [run.topics.analytics.name, ...run.repartitions, ...run.changelogs]) {
    const all = await readTopic(kafka, topic, 'read_uncommitted')
    const { rows, abortedRecords } = await readTopic(kafka, topic)
    expect(all.rows.length - rows.length).toBe(abortedRecords)
    if (!topic.endsWith('kpi-time-changelog')) expect(abortedRecords, topic).toBeGreaterThan(0)
  }
})

test('no transaction is open, and the committed offsets are the end of the input', async () => {
  const admin = kafka.admin()
  const outputs = Object.values(run.topics).map(topic => topic.name)
  for (const topic of [...outputs, ...run.repartitions, ...run.changelogs]) {
    const partitions = await partitionsOf(kafka, topic)
    const stable = await admin.offsets(partitions, 'latest', 'read_committed')
    expect(stable).toEqual(await admin.offsets(partitions, 'latest', 'read_uncommitted'))
  }
  const input = await partitionsOf(kafka, run.topics.payments.name)
  const ends = await admin.offsets(input, 'latest', 'read_uncommitted')
  expect(await admin.committed(run.application, input)).toEqual(ends)
  for (const topic of run.repartitions) {
    const { rows } = await readTopic(kafka, topic)
    for (const at of await admin.committed(run.application, await partitionsOf(kafka, topic))) {
      expect(rows.filter(row => row.partition === at.partition && row.offset >= at.offset!)).toEqual([])
    }
  }
})

test('the state of each task is the fold of its changelogs, byte for byte', async () => {
  const { differences, tasks, entries, records } = await compareState(kafka, run.application, join(folder, 'victim'))
  expect(differences).toEqual([])
  expect(tasks).toBe(16)
  expect(entries).toBeGreaterThan(1000)
  expect(records).toBeGreaterThan(3 * entries)
})

test('a start with its state replays what it lacks; one without, everything', () => {
  const [first, ...again] = run.starts
  expect(first!.restoredRecords).toBe(0)
  const found = again.map((start, at) => ({ ...lacking(start), restored: start.restoredRecords, after: deaths[at]! }))
  for (const { missing, all, restored, after } of found) {
    expect(restored, `after ${after.point}`).toBe(after.deletesState === true ? all : missing)
  }
  const kept = found.filter(({ after }) => after.deletesState !== true)
  // The store is behind for sure where the process died between the commit and the disk.
  expect(kept.find(({ after }) => after.point === 'K7')!.restored).toBeGreaterThan(0)
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)
  expect(sum(kept.map(({ restored }) => restored))).toBeLessThan(0.1 * sum(kept.map(({ all }) => all)))
})

/** Committed records of the changelogs below their ends at a start: those that its stores did not have, and all. */
function lacking({ opened, changelogEnds }: Start): { missing: number; all: number } {
  const has = new Map<string, number>()
  for (const { task, stores } of opened) {
    const partition = task.split('_')[1]
    for (const { name, nextOffset } of stores) {
      has.set(`${changelogTopic(run.application, name)} ${partition}`, nextOffset)
    }
  }
  let [missing, all] = [0, 0]
  for (const [topic, { rows }] of changelogs) {
    for (const { partition, offset } of rows) {
      const at = `${topic} ${partition}`
      if (offset >= changelogEnds.get(at)!) continue
      all++
      if (offset >= (has.get(at) ?? 0)) missing++
    }
  }
  return { missing, all }
}
