import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './payloads.ts'

test('a subscription carries topics, user data and what is owned', () => {
  const subscription = {
    topics: ['payments', 'cards'],
    userData: Buffer.from('lag'),
    ownedPartitions: [{ topic: 'payments', partitions: [0, 2] }],
    generationId: 4,
    rackId: null,
  }
  expect(decodeSubscription(encodeSubscription(subscription))).toEqual(subscription)
  // Version 0, as an old client sends it: topics and user data only.
  const old = Buffer.from(['0000', '00000001', '0001', '61', 'ffffffff'].join(''), 'hex')
  expect(decodeSubscription(old)).toEqual({
    topics: ['a'],
    userData: null,
    ownedPartitions: [],
    generationId: -1,
    rackId: null,
  })
  expect(encodeSubscription({ topics: ['a'] }, 0)).toEqual(old)
})

test('a later version is read as the latest that is known', () => {
  const bytes = Buffer.concat([encodeSubscription({ topics: ['a'] }), Buffer.from('something new')])
  bytes.writeInt16BE(7, 0)
  expect(decodeSubscription(bytes).topics).toEqual(['a'])
})

test('an assignment; empty bytes assign nothing', () => {
  const assignment = { assignedPartitions: [{ topic: 'payments', partitions: [1] }], userData: Buffer.of(1, 2) }
  expect(decodeAssignment(encodeAssignment(assignment))).toEqual(assignment)
  expect(decodeAssignment(Buffer.alloc(0))).toEqual({ assignedPartitions: [], userData: null })
})

test('what cannot be read is said to come from another member', () => {
  expect(() => decodeSubscription(Buffer.from([0, 1, 9]))).toThrow(
    'Another member of the group sent a ConsumerProtocolSubscription',
  )
  expect(() => decodeAssignment(Buffer.from([0xff, 0xff, 0, 0, 0, 0]))).toThrow(
    expect.objectContaining({ error: 'MALFORMED_RESPONSE' }),
  )
})
