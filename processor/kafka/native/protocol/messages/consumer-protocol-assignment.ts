import { field, list, payload } from '../define.ts'

/** What the leader of a classic group sends to a member, after two bytes of version. */
export const consumerProtocolAssignment = payload('ConsumerProtocolAssignment', { valid: '0-3', flexible: 'none' }, [
  list('assignedPartitions', [field('topic', 'string'), list('partitions', 'int32')]),
  field('userData', 'bytes', '0+', { nullable: true, default: null }),
])
