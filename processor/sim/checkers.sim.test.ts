import { beforeAll, describe, expect, test } from 'vitest'
import { seenIn } from './invariants.ts'
import { simulate } from './run.ts'
import type { Simulation } from './simulation.ts'
import { checkState } from './state-check.ts'
import type { Output, Seen } from './workload.ts'
import { workloadNames } from './workloads/all.ts'

// Forged histories: what the checkers are there to find is put into the results of a good run, and must be found.

type Forge = (outputs: readonly Output[]) => Output[]

const middle = (outputs: readonly Output[]): number => Math.floor(outputs.length / 2)

/** The last number in a value is one more. */
function changed(value: any): any {
  if (typeof value === 'number') return value + 1
  if (typeof value === 'string') return `${value}!`
  const copy = { ...JSON.parse(JSON.stringify(value)) }
  const name = Object.keys(copy).findLast(each => typeof copy[each] === 'number')!
  copy[name] += 1
  return copy
}

const forgeries: Readonly<Record<string, Forge>> = {
  lost: outputs => outputs.filter((_, index) => index !== middle(outputs)),
  doubled: outputs => outputs.flatMap((each, index) => (index === middle(outputs) ? [each, each] : [each])),
  changed: outputs =>
    outputs.map((each, index) => (index === middle(outputs) ? { ...each, value: changed(each.value) } : each)),
}

describe.each(workloadNames)('%s', name => {
  let sim: Simulation
  let seen: Seen
  beforeAll(async () => {
    const guarantee = 'exactly_once'
    sim = await simulate(11, { forced: { workload: name, guarantee, faults: [], partitions: 2, disorder: 0.3 } })
    seen = seenIn(sim)
  }, 60_000)

  test('the run itself is good', () => {
    expect(sim.violations).toEqual([])
    expect(sim.workload.check(seen).differences).toEqual([])
  })

  test.each(Object.entries(forgeries))('a record that is %s is found', (_, forge) => {
    for (const topic of sim.workload.outputs) {
      const outputs = seen.outputs(topic)
      if (outputs.length === 0) continue
      const forged: Seen = { ...seen, outputs: other => (other === topic ? forge(outputs) : seen.outputs(other)) }
      expect(sim.workload.check(forged).differences, `${topic.name} of ${name}`).not.toEqual([])
    }
  })

  if (name === 'relay') return
  test('an entry of a store that is not that of its changelog is found', () => {
    const folders = sim.replicas.flatMap(replica => [...replica.volume.folders.values()])
    const folder = folders.find(each => [...each.entries.keys()].some(key => key.charCodeAt(0) === 1))!
    const key = [...folder.entries.keys()].find(each => each.charCodeAt(0) === 1)!
    const value = folder.entries.get(key)!
    value[value.length - 1]! ^= 1
    const before = sim.violations.length
    checkState(sim)
    value[value.length - 1]! ^= 1
    expect(sim.violations.slice(before)[0]).toMatch(/^I7: /)
  })
})

test('at least once, a record may come again, and none may be missing', async () => {
  const forced = { workload: 'relay', guarantee: 'at_least_once', faults: [], partitions: 2 } as const
  const sim = await simulate(13, { forced })
  expect(sim.violations).toEqual([])
  const seen = seenIn(sim)
  const differences = (forge: Forge): readonly string[] =>
    sim.workload.check({ ...seen, outputs: topic => forge(seen.outputs(topic)) }).differences
  expect(differences(forgeries['doubled']!)).toEqual([])
  expect(differences(forgeries['lost']!)).not.toEqual([])
})

test('records of one key in the wrong order are found', async () => {
  const sim = await simulate(12, { forced: { workload: 'repartition', faults: [], partitions: 2 } })
  const seen = seenIn(sim)
  const [groups] = sim.workload.outputs
  const outputs = [...seen.outputs(groups!)]
  const next = outputs.findIndex(
    ({ key, partition }, index) => key === outputs[0]!.key && partition === outputs[0]!.partition && index > 0,
  )
  ;[outputs[0], outputs[next]] = [outputs[next]!, outputs[0]!]
  const forged: Seen = { ...seen, outputs: other => (other === groups ? outputs : seen.outputs(other)) }
  expect(sim.workload.check(forged).differences).not.toEqual([])
})
