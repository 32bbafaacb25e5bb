import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import type { Cluster } from './cluster.ts'
import { PartitionSink } from './partition-sink.ts'
import { produce } from './produce.ts'

test('topics that had lost their leaders are asked for all at once, and sent to in the same attempt', async () => {
  const asked: (readonly string[])[] = []
  const known = new Set<string>()
  let attempts = 0
  let requests = 0
  const answer = (topicData: readonly { name: string; partitionData: readonly { index: number }[] }[]) => ({
    responses: topicData.map(({ name, partitionData }) => ({
      name,
      partitionResponses: partitionData.map(({ index }) => ({
        index,
        errorCode: 0,
        errorMessage: null,
        baseOffset: 0,
      })),
    })),
  })
  const cluster = {
    requestTimeoutMs: 1000,
    metadata: { leader: (topic: string) => (known.has(topic) ? { broker: 1 } : null) },
    topic: () => Promise.resolve(),
    refreshQuietly(topics: readonly string[]) {
      asked.push(topics)
      for (const topic of topics) known.add(topic)
      return Promise.resolve()
    },
    async retry(_: string, __: object, attempt: () => Promise<void>) {
      for (;;) {
        attempts++
        try {
          await attempt()
          return
        } catch (error) {
          if (attempts > 5) throw error
        }
      }
    },
    channel: () =>
      Promise.resolve({
        request: (_: string, __: number, { topicData }: { topicData: Parameters<typeof answer>[0] }) => {
          requests++
          return Promise.resolve(answer(topicData))
        },
      }),
  } as unknown as Cluster
  const batches = ['a', 'b', 'c'].map(topic => ({
    sink: new PartitionSink(topic, 0),
    count: 1,
    bytes: Buffer.alloc(8),
    forgettable: false,
    sent: false,
    disturbed: false,
    outOfOrder: 0,
  }))
  const { signal } = new AbortController()
  await produce(cluster, { transactionalId: 't', version: 12, purpose: 'p', signal, deadlineMs: 1000 }, batches)
  expect(asked).toEqual([['a', 'b', 'c']])
  expect({ attempts, requests }).toEqual({ attempts: 1, requests: 1 })
})
