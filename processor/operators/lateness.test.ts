import { expect, test } from 'vitest'
import { Lateness } from './lateness.ts'
import { OperatorRig } from './testing.ts'

const rigFor = (graceMs: number, upstreams?: number): OperatorRig =>
  new OperatorRig({
    stores: ['*time'],
    build: (context, out) => [
      new Lateness({ store: 'time', graceMs }, context, out, {
        process(record) {
          const value: unknown = record.value
          record.value = `late ${String(value)}`
          out.process(record)
          record.value = value
        },
      }),
    ],
    ...(upstreams !== undefined && { upstreams }),
  })

const values = (rig: OperatorRig, timestamp: number): unknown =>
  rig.send('k', timestamp, timestamp).map(sent => sent.value as unknown)

test('a timestamp below stream time - grace is late, one that equals it is not', () => {
  const rig = rigFor(5)
  expect(values(rig, 100)).toEqual([100])
  expect(values(rig, 95)).toEqual([95])
  expect(values(rig, 94)).toEqual(['late 94'])
  expect(values(rig, 101)).toEqual([101])
  expect(values(rig, 95)).toEqual(['late 95'])
  expect(rig.drops).toEqual({ late: 2 })
})

test('who was late before a restart is late after it', async () => {
  for (const from of ['disk', 'changelog'] as const) {
    const rig = rigFor(0)
    values(rig, 100)
    await rig.commit({ flush: true })
    values(rig, 200)
    await rig.restart(from)
    expect(values(rig, 99)).toEqual(['late 99'])
    expect(values(rig, 150)).toEqual([150])
  }
})

test('behind a repartition topic a restart keeps what the stamps said, one that went to sleep and woke up too', async () => {
  for (const restarts of [false, true]) {
    const rig = rigFor(0, 2)
    rig.stamp(0, 10)
    rig.stamp(1, 12)
    expect(values(rig, 12)).toEqual([12])
    await rig.commit()
    // The time moves by markers alone, up to 30; then the sleeper speaks again, of earlier times.
    rig.stamp(1, -2)
    rig.stamp(0, 30)
    rig.stamp(1, 20)
    await rig.commit()
    if (restarts) await rig.restart('changelog')
    expect(rig.aligned!.now).toBe(30)
    rig.stamp(1, 21)
    expect(values(rig, 29)).toEqual(['late 29'])
  }
})
