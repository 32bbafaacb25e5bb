import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import {
  apiKey,
  apiName,
  apiNames,
  correlationIdOf,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  supportedVersions,
} from './apis.ts'
import { KafkaError } from './errors.ts'

const clientId = Buffer.from('millrace')
const joined = (chunks: readonly Buffer[]): Buffer => Buffer.concat(chunks)
const frameOf = (chunks: readonly Buffer[]): Buffer => joined(chunks).subarray(4)

test('a request of a plain version is its header and its fields, byte for byte', () => {
  const bytes = joined(
    encodeRequest(
      'EndTxn',
      2,
      { transactionalId: 'ab', producerId: 258, producerEpoch: 3, committed: true },
      7,
      clientId,
    ),
  )
  expect(bytes.toString('hex')).toBe(
    [
      '00000021',
      '001a',
      '0002',
      '00000007',
      '0008',
      '6d696c6c72616365',
      '0002',
      '6162',
      '0000000000000102',
      '0003',
      '01',
    ].join(''),
  )
})

test('a request of a flexible version has compact strings and tagged fields', () => {
  const body = { transactionalId: 'ab', producerId: 258, producerEpoch: 3, committed: true }
  const bytes = joined(encodeRequest('EndTxn', 5, body, 7, clientId))
  expect(bytes.toString('hex')).toBe(
    [
      '00000022',
      '001a',
      '0005',
      '00000007',
      '0008',
      '6d696c6c72616365',
      '00',
      '03',
      '6162',
      '0000000000000102',
      '0003',
      '01',
      '00',
    ].join(''),
  )
  expect(decodeRequest(bytes.subarray(4))).toEqual({
    api: 'EndTxn',
    version: 5,
    correlationId: 7,
    clientId: 'millrace',
    body,
  })
})

test('every request and response of every version reads back as it was written', () => {
  for (const api of apiNames) {
    const { min, max } = supportedVersions(api)
    for (let version = min; version <= max; version++) {
      const request = decodeRequest(frameOf(encodeRequest(api, version, {}, 5, clientId)))
      expect(decodeRequest(frameOf(encodeRequest(api, version, request.body as object, 5, clientId)))).toEqual(request)
      const response = decodeResponse(api, version, frameOf(encodeResponse(api, version, {}, 6)))
      expect(decodeResponse(api, version, frameOf(encodeResponse(api, version, response.body as object, 6)))).toEqual(
        response,
      )
      expect([request.correlationId, response.correlationId]).toEqual([5, 6])
    }
  }
})

test('a Fetch answer gives its records as a view, and tagged fields where they are said', () => {
  const records = Buffer.alloc(5000, 7)
  const partitions = [
    {
      partitionIndex: 3,
      errorCode: 0,
      highWatermark: 2 ** 52,
      lastStableOffset: 8,
      logStartOffset: 1,
      abortedTransactions: [{ producerId: 9, firstOffset: 4 }],
      records: [records.subarray(0, 2000), records.subarray(2000)],
    },
    {
      partitionIndex: 4,
      errorCode: 6,
      highWatermark: -1,
      abortedTransactions: null,
      records: null,
      currentLeader: { leaderId: 2, leaderEpoch: 5 },
    },
  ]
  const chunks = encodeResponse('Fetch', 12, { responses: [{ topic: 'payments', partitions }] }, 1)
  const frame = frameOf(chunks)
  const body = decodeResponse('Fetch', 12, frame).body as {
    responses: { topic: string; topicId: string; partitions: any[] }[]
  }
  const [topic] = body.responses
  expect(topic).toMatchObject({ topic: 'payments', topicId: '0'.repeat(32) })
  expect(topic!.partitions[0]).toMatchObject({
    partitionIndex: 3,
    highWatermark: 2 ** 52,
    abortedTransactions: [{ producerId: 9, firstOffset: 4 }],
    currentLeader: null,
    preferredReadReplica: -1,
  })
  expect(topic!.partitions[0].records.equals(records)).toBe(true)
  expect(topic!.partitions[0].records.buffer).toBe(frame.buffer)
  expect(topic!.partitions[1]).toMatchObject({
    errorCode: 6,
    records: null,
    currentLeader: { leaderId: 2, leaderEpoch: 5 },
  })
})

test('unknown tagged fields are skipped, in the header and in the body', () => {
  // Header with tag 9 of 2 bytes; Heartbeat v4: throttle 0, error 27, one unknown tagged field.
  const frame = Buffer.from(
    ['00000003', '01', '09', '02', 'ffff', '00000000', '001b', '01', '63', '01', 'aa'].join(''),
    'hex',
  )
  expect(decodeResponse('Heartbeat', 4, frame)).toEqual({
    correlationId: 3,
    body: { throttleTimeMs: 0, errorCode: 27 },
  })
})

test('a broker that does not know our version of ApiVersions answers in version 0', () => {
  const answer = { errorCode: 35, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 2 }] }
  const frame = frameOf(encodeResponse('ApiVersions', 0, answer, 1))
  expect(decodeResponse('ApiVersions', 4, frame).body).toMatchObject(answer)
})

test('finalized features travel as tagged fields behind the oldest response header', () => {
  const body = {
    apiKeys: [],
    finalizedFeaturesEpoch: 4,
    finalizedFeatures: [{ name: 'transaction.version', maxVersionLevel: 2, minVersionLevel: 1 }],
  }
  const frame = frameOf(encodeResponse('ApiVersions', 4, body, 1))
  const name = Buffer.from('transaction.version').toString('hex')
  // Error, no keys, throttle, then two tagged fields in the order of their tags, each with its size.
  const tagged = ['02', '01', '08', '0000000000000004', '02', '1a', '02', '14', name, '0002', '0001', '00']
  expect(frame.toString('hex')).toBe(['00000001', '0000', '01', '00000000', ...tagged].join(''))
  expect(decodeResponse('ApiVersions', 4, frame).body).toMatchObject(body)
})

test('topic ids are 32 hex digits', () => {
  const topicId = '0123456789abcdef0123456789abcdef'
  const body = { topics: [{ topicId, name: null }] }
  const read = decodeRequest(frameOf(encodeRequest('Metadata', 12, body, 1, clientId)))
  expect(read.body).toMatchObject(body)
  const upper = { topics: [{ topicId: topicId.toUpperCase(), name: null }] }
  expect(() => encodeRequest('Metadata', 12, upper, 1, clientId)).toThrow('32 lower-case hex digits')
})

test('a misspelt field, a wrong type and a forbidden null are refused', () => {
  const encode = (body: object): unknown => encodeRequest('DeleteTopics', 5, body, 1, clientId)
  expect(() => encode({ topicsNames: [] })).toThrow('DeleteTopics request has no field topicsNames')
  expect(() => encode({ topicNames: [4] })).toThrow('DeleteTopics request.topicNames is a string, not number')
  expect(() => encode({ topicNames: null })).toThrow('may not be null')
  expect(() => encode({ timeoutMs: 2 ** 31 })).toThrow('out of range')
  expect(() => encodeRequest('Nothing', 1, {}, 1, clientId)).toThrow('no Kafka API Nothing')
  expect(() => encodeRequest('EndTxn', 9, {}, 1, clientId)).toThrow('EndTxn has versions 0 to 5, not 9')
})

test('a response that ends early, goes on too long or holds an unsafe integer is malformed', () => {
  const frame = frameOf(encodeResponse('InitProducerId', 4, { producerId: 1 }, 1))
  const read = (bytes: Buffer) => () => decodeResponse('InitProducerId', 4, bytes)
  for (let size = 0; size < frame.length; size++) expect(read(frame.subarray(0, size))).toThrow(KafkaError)
  expect(read(Buffer.concat([frame, Buffer.of(0)]))).toThrow('1 bytes left over')
  const unsafe = Buffer.from(frame)
  unsafe.fill(0x7f, 11, 19)
  expect(read(unsafe)).toThrow('beyond 2^53')
  const caught = (() => {
    try {
      return read(frame.subarray(0, 9))()
    } catch (error) {
      return error
    }
  })()
  expect(caught).toMatchObject({ code: 'KAFKA', api: 'InitProducerId', error: 'MALFORMED_RESPONSE', retriable: false })
})

test('a length beyond the frame is malformed, not a huge allocation', () => {
  const frame = frameOf(encodeResponse('DescribeGroups', 0, { groups: [] }, 1))
  frame.writeInt32BE(0x7fffffff, 4)
  expect(() => decodeResponse('DescribeGroups', 0, frame)).toThrow('a length of 2147483647 with 0 bytes left')
})

test('names, keys and released versions', () => {
  expect([apiKey('ApiVersions'), apiName(18), apiName(999)]).toEqual([18, 'ApiVersions', undefined])
  expect(supportedVersions('InitProducerId')).toEqual({ min: 0, max: 5 })
  expect(supportedVersions('Fetch')).toEqual({ min: 4, max: 18 })
  expect(correlationIdOf(Buffer.from('0000000aff', 'hex'))).toBe(10)
  expect(correlationIdOf(Buffer.alloc(3))).toBe(-1)
})
