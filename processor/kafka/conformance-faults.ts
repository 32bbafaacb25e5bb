import { describe, expect, test } from 'vitest'
import type { Channel, Transport } from '../ports.ts'
import {
  append,
  appendAll,
  at,
  fresh,
  newProducer,
  newTopic,
  numbered,
  open,
  readTo,
  settled,
  until,
  valuesOf,
  visible,
  type MakeKafka,
} from './conformance-tools.ts'
import { KafkaError } from './native/protocol/errors.ts'

/** Where a connection is cut: the request never arrives, or its answer never does. */
type Cut = 'before' | 'after'

/** A network that fails on demand. */
class Faults {
  readonly #plan: { readonly api: string; readonly cut: Cut; spare: number }[] = []
  /** How many cuts were made. */
  cuts = 0

  /** The next `times` requests of `api` lose their connection, after `spare` that do not. */
  cut(api: string, cut: Cut, times = 1, spare = 0): void {
    for (let left = times; left > 0; left--) this.#plan.push({ api, cut, spare: left === times ? spare : 0 })
  }

  get pending(): number {
    return this.#plan.length
  }

  wrap = (transport: Transport): Transport => ({
    bootstrap: transport.bootstrap,
    connect: async (address, options) => this.#channel(await transport.connect(address, options)),
  })

  #channel(channel: Channel): Channel {
    const request = async <Answer>(api: string, version: number, body: object): Promise<Answer> => {
      const index = this.#plan.findIndex(fault => fault.api === api)
      const fault = this.#plan[index]
      if (fault === undefined || fault.spare-- > 0) return channel.request<Answer>(api, version, body)
      this.#plan.splice(index, 1)
      this.cuts++
      if (fault.cut === 'after') await channel.request(api, version, body)
      channel.close()
      throw new KafkaError(api, 'NETWORK', `The test cut the connection ${fault.cut} ${api}.`)
    }
    return {
      get open() {
        return channel.open
      },
      request,
      close: () => channel.close(),
    }
  }
}

const cuts: readonly Cut[] = ['before', 'after']

export function faultsConformance(makeKafka: MakeKafka): void {
  describe('lost connections', () => {
    test.each(cuts)('%s the answer to Produce: nothing is lost or doubled', async cut => {
      const faults = new Faults()
      const kafka = await open(makeKafka, { wrap: faults.wrap })
      const topic = await newTopic(kafka, 2)
      for (const transactionalId of [null, fresh('tx')]) {
        const producer = await newProducer(kafka, { transactionalId })
        for (let round = 0; round < 10; round++) {
          appendAll(producer, topic, 0, numbered(`${round}-`, 5))
          appendAll(producer, topic, 1, numbered(`${round}-`, 5))
          if (round % 3 === 1) faults.cut('Produce', cut, round % 2 === 0 ? 1 : 2)
          await producer.flush()
          await producer.end('commit')
        }
        expect(faults.pending).toBe(0)
      }
      const once = Array.from({ length: 10 }, (_, round) => numbered(`${round}-`, 5)).flat()
      for (const partition of [0, 1]) expect(await visible(kafka, topic, partition)).toEqual([...once, ...once])
    })

    test('many connections lost under an idempotent producer leave every record once', async () => {
      const faults = new Faults()
      const kafka = await open(makeKafka, { wrap: faults.wrap })
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka, { transactionalId: null })
      for (let round = 0; round < 60; round++) {
        append(producer, topic, 0, { value: `v${round}` })
        if (round % 4 === 0) faults.cut('Produce', round % 8 === 0 ? 'before' : 'after')
        await producer.flush()
        expect(producer.nextOffset(topic, 0)).toBe(round + 1)
      }
      expect(faults.cuts).toBe(15)
      expect(valuesOf((await readTo(kafka, { topic, partition: 0 }, 60)).rows)).toEqual(numbered('v', 60))
    })

    for (const outcome of ['commit', 'abort'] as const) {
      test.each(cuts)(`%s the answer to EndTxn (${outcome}): the outcome stays what was asked for`, async cut => {
        const faults = new Faults()
        const kafka = await open(makeKafka, { wrap: faults.wrap })
        const topic = await newTopic(kafka)
        const producer = await newProducer(kafka)
        const wanted: string[] = []
        for (let round = 0; round < 5; round++) {
          append(producer, topic, 0, { value: `${round}` })
          await producer.flush()
          faults.cut('EndTxn', cut, 1 + (round % 2))
          await producer.end(outcome)
          append(producer, topic, 0, { value: `next ${round}` })
          await producer.flush()
          await producer.end('commit')
          wanted.push(...(outcome === 'commit' ? [`${round}`] : []), `next ${round}`)
        }
        expect(faults.pending).toBe(0)
        expect(await visible(kafka, topic)).toEqual(wanted)
      })
    }

    test.each(cuts)('%s the answers to InitProducerId and TxnOffsetCommit', async cut => {
      const faults = new Faults()
      const kafka = await open(makeKafka, { wrap: faults.wrap })
      const topic = await newTopic(kafka)
      const groupId = fresh('group')
      faults.cut('InitProducerId', cut, 2)
      const producer = await newProducer(kafka)
      append(producer, topic, 0, { value: 'v' })
      await producer.flush()
      faults.cut('TxnOffsetCommit', cut, 2)
      await producer.sendOffsets([at(topic, 0, 3)], { groupId, memberId: '', generation: -1, instanceId: null })
      await producer.end('commit')
      expect(faults.pending).toBe(0)
      expect((await kafka.admin().committed(groupId, [{ topic, partition: 0 }]))[0]!.offset).toBe(3)
      expect(await visible(kafka, topic)).toEqual(['v'])
    })

    test('reading goes on after lost connections, without a gap', async () => {
      const faults = new Faults()
      const kafka = await open(makeKafka, { wrap: faults.wrap })
      const topic = await newTopic(kafka)
      const producer = await newProducer(kafka)
      appendAll(producer, topic, 0, numbered('v'.repeat(100), 300))
      await producer.flush()
      await producer.end('commit')
      await settled(kafka, { topic, partition: 0 })
      faults.cut('Fetch', 'before', 3)
      faults.cut('Fetch', 'after', 3)
      faults.cut('Metadata', 'before', 2)
      const { rows } = await readTo(kafka, { topic, partition: 0 }, 301, { partitionMaxBytes: 2000 })
      expect(valuesOf(rows)).toEqual(numbered('v'.repeat(100), 300))
      expect(faults.cuts).toBeGreaterThanOrEqual(6)
    })

    test.each(cuts)('%s the answers to JoinGroup, SyncGroup and Heartbeat: the member gets in and stays', async cut => {
      const faults = new Faults()
      const kafka = await open(makeKafka, { wrap: faults.wrap })
      const topic = await newTopic(kafka)
      for (const api of ['FindCoordinator', 'SyncGroup', 'Heartbeat']) faults.cut(api, cut)
      // Not the first one: a member id that was given out and never used holds the group up for a session timeout.
      faults.cut('JoinGroup', cut, 1, 1)
      let assigned = 0
      let lost = 0
      const member = await kafka.join(
        {
          groupId: fresh('group'),
          instanceId: null,
          sessionTimeoutMs: 6000,
          rebalanceTimeoutMs: 6000,
          heartbeatIntervalMs: 20,
        },
        {
          subscription: () => ({ topics: [topic], userData: null }),
          assign: members =>
            new Map(
              members.map(({ memberId }) => [memberId, { partitions: [{ topic, partition: 0 }], userData: null }]),
            ),
          onAssigned: async () => void assigned++,
          onRevoked: async () => void lost++,
          onLost: async () => void lost++,
          onFailed: error => {
            throw error
          },
        },
      )
      await until(() => faults.pending === 0 && assigned > 0)
      expect(lost).toBe(0)
      await member.commit([at(topic, 0, 1)], member.metadata())
      await member.leave()
    })
  })
}
