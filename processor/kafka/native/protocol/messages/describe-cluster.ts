import { field, list, message } from '../define.ts'

/** The cluster's id and brokers (KIP-700). */
export const describeCluster = message(
  'DescribeCluster',
  60,
  { valid: '0-2', flexible: '0+' },
  [
    field('includeClusterAuthorizedOperations', 'bool'),
    field('endpointType', 'int8', '1+', { default: 1 }),
    field('includeFencedBrokers', 'bool', '2+'),
  ],
  [
    field('throttleTimeMs', 'int32'),
    field('errorCode', 'int16'),
    field('errorMessage', 'string', '0+', { nullable: true, default: null }),
    field('endpointType', 'int8', '1+', { default: 1 }),
    field('clusterId', 'string'),
    field('controllerId', 'int32', '0+', { default: -1 }),
    list('brokers', [
      field('brokerId', 'int32'),
      field('host', 'string'),
      field('port', 'int32'),
      field('rack', 'string', '0+', { nullable: true, default: null }),
      field('isFenced', 'bool', '2+'),
    ]),
    field('clusterAuthorizedOperations', 'int32', '0+', { default: -2147483648 }),
  ],
)
