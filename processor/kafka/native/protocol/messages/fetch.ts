import { field, list, message, struct } from '../define.ts'

/** Record batches to read, with the aborted transactions among them. Topic ids from version 13 on (KIP-516). */
export const fetch = message(
  'Fetch',
  1,
  { valid: '4-18', flexible: '12+' },
  [
    field('clusterId', 'string', '12+', { nullable: true, default: null, tag: 0 }),
    field('replicaId', 'int32', '0-14', { default: -1 }),
    struct(
      'replicaState',
      [field('replicaId', 'int32', '15+', { default: -1 }), field('replicaEpoch', 'int64', '15+', { default: -1 })],
      '15+',
      { tag: 1 },
    ),
    field('maxWaitMs', 'int32'),
    field('minBytes', 'int32'),
    field('maxBytes', 'int32', '3+', { default: 0x7fffffff }),
    field('isolationLevel', 'int8', '4+'),
    field('sessionId', 'int32', '7+'),
    field('sessionEpoch', 'int32', '7+', { default: -1 }),
    list('topics', [
      field('topic', 'string', '0-12'),
      field('topicId', 'uuid', '13+'),
      list('partitions', [
        field('partition', 'int32'),
        field('currentLeaderEpoch', 'int32', '9+', { default: -1 }),
        field('fetchOffset', 'int64'),
        field('lastFetchedEpoch', 'int32', '12+', { default: -1 }),
        field('logStartOffset', 'int64', '5+', { default: -1 }),
        field('partitionMaxBytes', 'int32'),
        field('replicaDirectoryId', 'uuid', '17+', { tag: 0 }),
        field('highWatermark', 'int64', '18+', { default: 9223372036854775807n, tag: 1 }),
      ]),
    ]),
    list(
      'forgottenTopicsData',
      [field('topic', 'string', '7-12'), field('topicId', 'uuid', '13+'), list('partitions', 'int32', '7+')],
      '7+',
    ),
    field('rackId', 'string', '11+'),
  ],
  [
    field('throttleTimeMs', 'int32', '1+'),
    field('errorCode', 'int16', '7+'),
    field('sessionId', 'int32', '7+'),
    list('responses', [
      field('topic', 'string', '0-12'),
      field('topicId', 'uuid', '13+'),
      list('partitions', [
        field('partitionIndex', 'int32'),
        field('errorCode', 'int16'),
        field('highWatermark', 'int64'),
        field('lastStableOffset', 'int64', '4+', { default: -1 }),
        field('logStartOffset', 'int64', '5+', { default: -1 }),
        struct(
          'divergingEpoch',
          [field('epoch', 'int32', '12+', { default: -1 }), field('endOffset', 'int64', '12+', { default: -1 })],
          '12+',
          { tag: 0 },
        ),
        struct(
          'currentLeader',
          [field('leaderId', 'int32', '12+', { default: -1 }), field('leaderEpoch', 'int32', '12+', { default: -1 })],
          '12+',
          { tag: 1 },
        ),
        struct(
          'snapshotId',
          [field('endOffset', 'int64', '0+', { default: -1 }), field('epoch', 'int32', '0+', { default: -1 })],
          '12+',
          { tag: 2 },
        ),
        list('abortedTransactions', [field('producerId', 'int64', '4+'), field('firstOffset', 'int64', '4+')], '4+', {
          nullable: true,
        }),
        field('preferredReadReplica', 'int32', '11+', { default: -1 }),
        field('records', 'records', '0+', { nullable: true }),
      ]),
    ]),
    list(
      'nodeEndpoints',
      [
        field('nodeId', 'int32', '16+'),
        field('host', 'string', '16+'),
        field('port', 'int32', '16+'),
        field('rack', 'string', '16+', { nullable: true, default: null }),
      ],
      '16+',
      { tag: 0 },
    ),
  ],
)
