import { field, list, message } from '../define.ts'

/** Brokers, topics, partitions and their leaders. */
export const metadata = message(
  'Metadata',
  3,
  { valid: '0-13', flexible: '9+' },
  [
    list('topics', [field('topicId', 'uuid', '10+'), field('name', 'string', '0+', { nullable: '10+' })], '0+', {
      nullable: '1+',
    }),
    field('allowAutoTopicCreation', 'bool', '4+', { default: true }),
    field('includeClusterAuthorizedOperations', 'bool', '8-10'),
    field('includeTopicAuthorizedOperations', 'bool', '8+'),
  ],
  [
    field('throttleTimeMs', 'int32', '3+'),
    list('brokers', [
      field('nodeId', 'int32'),
      field('host', 'string'),
      field('port', 'int32'),
      field('rack', 'string', '1+', { nullable: true, default: null }),
    ]),
    field('clusterId', 'string', '2+', { nullable: true, default: null }),
    field('controllerId', 'int32', '1+', { default: -1 }),
    list('topics', [
      field('errorCode', 'int16'),
      field('name', 'string', '0+', { nullable: '12+' }),
      field('topicId', 'uuid', '10+'),
      field('isInternal', 'bool', '1+'),
      list('partitions', [
        field('errorCode', 'int16'),
        field('partitionIndex', 'int32'),
        field('leaderId', 'int32'),
        field('leaderEpoch', 'int32', '7+', { default: -1 }),
        list('replicaNodes', 'int32'),
        list('isrNodes', 'int32'),
        list('offlineReplicas', 'int32', '5+'),
      ]),
      field('topicAuthorizedOperations', 'int32', '8+', { default: -2147483648 }),
    ]),
    field('clusterAuthorizedOperations', 'int32', '8-10', { default: -2147483648 }),
    field('errorCode', 'int16', '13+'),
  ],
)
