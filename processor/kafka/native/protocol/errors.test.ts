import { protocolErrors } from '@platformatic/kafka'
import { expect, test } from 'vitest'
import { AppError } from '../../../errors.ts'
import { brokerError, errorCode, errorInfo, KafkaError } from './errors.ts'

test('the table agrees with that of @platformatic/kafka', () => {
  const theirs = Object.values(protocolErrors as Record<string, { id: string; code: number }>)
  expect(theirs.length).toBeGreaterThan(120)
  for (const { id, code } of theirs) expect(errorInfo(code)).toMatchObject({ code, name: id })
})

test('names, codes, and what may be tried again', () => {
  expect(errorInfo(0)).toEqual({ code: 0, name: 'NONE', retriable: false })
  expect(errorInfo(-1)).toEqual({ code: -1, name: 'UNKNOWN_SERVER_ERROR', retriable: false })
  expect(errorInfo(6)).toEqual({ code: 6, name: 'NOT_LEADER_OR_FOLLOWER', retriable: true })
  expect(errorInfo(47)).toEqual({ code: 47, name: 'INVALID_PRODUCER_EPOCH', retriable: false })
  expect(errorInfo(133)).toEqual({ code: 133, name: 'SHARE_SESSION_LIMIT_REACHED', retriable: true })
  expect(errorInfo(999)).toEqual({ code: 999, name: 'ERROR_999', retriable: false })
  expect([errorCode('NONE'), errorCode('PRODUCER_FENCED'), errorCode('UNKNOWN_SERVER_ERROR')]).toEqual([0, 90, -1])
  expect(() => errorCode('NOTHING')).toThrow('no error of the name NOTHING')
})

test('a broker error says which call, what, and where', () => {
  const error = brokerError('Produce', 6, { place: { topic: 'payments', partition: 3 } })
  expect(error).toBeInstanceOf(AppError)
  expect(error).toMatchObject({
    name: 'KafkaError',
    api: 'Produce',
    error: 'NOT_LEADER_OR_FOLLOWER',
    code: 'KAFKA_RETRIABLE',
    retriable: true,
    message: 'Kafka answered Produce with NOT_LEADER_OR_FOLLOWER. (payments-3)',
  })
  expect(brokerError('CreateTopics', 37, { detail: 'too many' }).message).toBe(
    'Kafka answered CreateTopics with INVALID_PARTITIONS: too many',
  )
})

test.each([
  ['INVALID_PRODUCER_EPOCH', 'FENCED', false],
  ['PRODUCER_FENCED', 'FENCED', false],
  ['FENCED_INSTANCE_ID', 'FENCED', false],
  ['OFFSET_OUT_OF_RANGE', 'OFFSET_OUT_OF_RANGE', false],
  ['FENCED_LEADER_EPOCH', 'KAFKA_RETRIABLE', true],
  ['NETWORK', 'KAFKA_RETRIABLE', true],
  ['TIMEOUT', 'KAFKA_RETRIABLE', true],
  ['MALFORMED_RESPONSE', 'KAFKA', false],
  ['TOPIC_AUTHORIZATION_FAILED', 'KAFKA', false],
])('%s is an error of the kind %s', (name, code, retriable) => {
  expect(new KafkaError('Produce', name, 'x')).toMatchObject({ code, retriable })
})
