import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import {
  type AssignmentData,
  decodeAssignmentData,
  decodeMemberData,
  encodeAssignmentData,
  encodeMemberData,
  type MemberData,
} from './user-data.ts'

const holdings = {
  generation: 12,
  topology: '0badcafe',
  holders: [
    {
      id: 'fraud-a-0',
      isTransactional: true,
      isPresent: true,
      isAsleep: true,
      nonce: 4_294_967_295,
      tasks: [{ part: 0, partition: 3 }],
    },
    { id: 'fraud-ü-0', isTransactional: false, isPresent: false, isAsleep: false, nonce: 0, tasks: [] },
  ],
}

const member: MemberData = {
  id: 'fraud-a-0',
  isTransactional: true,
  topology: '0badcafe',
  process: 'a',
  worker: 0,
  nonce: 77,
  running: [{ part: 1, partition: 300 }],
  copies: [
    { part: 0, partition: 1, kind: 'standby', heldOffset: 70_000, lagRecords: 0 },
    { part: 0, partition: 2, kind: 'local', heldOffset: 0, lagRecords: 0 },
    { part: 0, partition: 4, kind: 'warmup', heldOffset: 1, lagRecords: 5_000_000_000 },
  ],
  holdings,
}

const assignment: AssignmentData = {
  upcoming: [{ part: 2, partition: 0 }],
  standbys: [{ part: 2, partition: 1 }],
  warmups: [],
  holdings,
}

test('what is written is what is read', () => {
  expect(decodeMemberData(encodeMemberData(member))).toEqual(member)
  expect(decodeMemberData(encodeMemberData({ ...member, holdings: null }))).toEqual({ ...member, holdings: null })
  expect(decodeAssignmentData(encodeAssignmentData(assignment))).toEqual(assignment)
})

test('fields of a later version are passed over, as long as it says that they may be', () => {
  const later = Buffer.concat([encodeMemberData(member), Buffer.from('new fields')])
  later[0] = 9
  expect(decodeMemberData(later)).toEqual(member)
  later[1] = 2
  expect(() => decodeMemberData(later)).toThrow('speaks version 9')
})

test('what is cut off is refused', () => {
  const bytes = encodeAssignmentData(assignment)
  for (let size = 0; size < bytes.length; size++) {
    expect(() => decodeAssignmentData(bytes.subarray(0, size))).toThrow('cannot be read')
  }
})

test('it is small: a hundred tasks of ten members take less than a kilobyte', () => {
  const holders = Array.from({ length: 10 }, (_, at) => ({
    id: `application-instance-${at}-0`,
    isTransactional: true,
    isPresent: true,
    isAsleep: false,
    nonce: 4_000_000_000 + at,
    tasks: Array.from({ length: 10 }, (_each, partition) => ({ part: at, partition })),
  }))
  const bytes = encodeAssignmentData({ ...assignment, holdings: { generation: 1000, topology: '0badcafe', holders } })
  expect(bytes.length).toBeLessThan(1024)
})
