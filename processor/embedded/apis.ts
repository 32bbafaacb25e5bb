/** What this broker answers: the key of each API (as in Kafka's protocol) and its first and last version. */
export const apis = {
  Produce: [0, 9, 13],
  Fetch: [1, 12, 13],
  ListOffsets: [2, 7, 7],
  Metadata: [3, 12, 12],
  OffsetCommit: [8, 8, 8],
  OffsetFetch: [9, 8, 8],
  FindCoordinator: [10, 4, 4],
  JoinGroup: [11, 9, 9],
  Heartbeat: [12, 4, 4],
  LeaveGroup: [13, 5, 5],
  SyncGroup: [14, 5, 5],
  DescribeGroups: [15, 5, 5],
  ApiVersions: [18, 3, 4],
  CreateTopics: [19, 7, 7],
  DeleteTopics: [20, 6, 6],
  DeleteRecords: [21, 2, 2],
  InitProducerId: [22, 4, 5],
  AddPartitionsToTxn: [24, 3, 3],
  AddOffsetsToTxn: [25, 3, 4],
  EndTxn: [26, 3, 5],
  TxnOffsetCommit: [28, 3, 5],
  DescribeConfigs: [32, 4, 4],
  CreatePartitions: [37, 3, 3],
  DescribeCluster: [60, 1, 1],
  ListTransactions: [66, 0, 0],
} as const satisfies Record<string, readonly [key: number, first: number, last: number]>

export type Api = keyof typeof apis

export const isApi = (name: string): name is Api => name in apis
