export interface BrokerOptions {
  /** 1 answers the transaction protocol of before KIP-890 part 2. Default 2. */
  readonly transactionVersion?: 1 | 2
  /** How long the markers of a transaction are under way; till then it is CONCURRENT_TRANSACTIONS. Default 0. */
  readonly markerDelayMs?: number
  /** `transaction.max.timeout.ms`. Default 15 minutes. */
  readonly maxTransactionTimeoutMs?: number
  /** `group.initial.rebalance.delay.ms`. Default 0: for tests and single processes. */
  readonly initialRebalanceDelayMs?: number
  /** `group.min.session.timeout.ms`. Default 6000. */
  readonly minSessionTimeoutMs?: number
  /** `group.max.session.timeout.ms`. Default 30 minutes. */
  readonly maxSessionTimeoutMs?: number
  /** `producer.id.expiration.ms`, which goes by the timestamps of a producer's records. Default a day. */
  readonly producerIdExpirationMs?: number
  /** `auto.create.topics.enable`. Default false. */
  readonly autoCreateTopics?: boolean
  /** `num.partitions`. Default 1. */
  readonly defaultPartitions?: number
  /**
   * Bounds each partition of topics with `cleanup.policy=delete`: the oldest batches go, unread or not. Default none.
   * `retention.bytes` of a topic does the same for that topic.
   */
  readonly maxBytesPerPartition?: number
  /** A compacted partition is compacted when it has grown by so much, and by half of itself. Default 16 MiB. */
  readonly compactionBytes?: number
}
