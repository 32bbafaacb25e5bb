import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { silentLog, systemWorld } from '../world.ts'
import { runChaos } from './run.ts'

// The short form of `npm run chaos`: a broker of its own, three replicas as processes, and at a lower rate all that two
// minutes bring, as fast as it can be done.

test('eight kills, two zombies and the kill of the broker lose nothing, double nothing and keep the order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-chaos-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const { result, faults } = await runChaos({
    minutes: 1,
    brokers: 1,
    replicas: 3,
    rate: 600,
    standbys: 1,
    seed: 1,
    counts: {
      kill: 6,
      killAndDeleteState: 2,
      zombie: 1,
      replacedZombie: 1,
      brokerKill: 1,
      brokerRestart: 0,
      rollingRestart: 0,
      storm: 0,
    },
    registryUrl: inject('schemaRegistryUrl'),
    folder,
    world: systemWorld(silentLog),
    say: line => console.log(line),
  })
  console.log(JSON.stringify(result))
  expect(faults).toEqual([])
  expect(result).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, kills: 8, zombies: 2, brokerKills: 1 })
  expect(result.records).toBeGreaterThan(20_000)
  expect(result.abortedRecords).toBeGreaterThan(0)
  expect(result.rebalances).toBeGreaterThan(4)
}, 420_000)
