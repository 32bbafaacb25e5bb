/**
 * A definition that cannot run: thrown when a topology is defined, compiled, or meets its topics. Always the user's to
 * correct.
 */
export class TopologyError extends Error {
  override readonly name = 'TopologyError'
  readonly code: 'TOPOLOGY' | 'TOPIC_MISSING' | 'PARTITIONS_DIFFER'

  constructor(message: string, code: TopologyError['code'] = 'TOPOLOGY') {
    super(message)
    this.code = code
  }
}

/**
 * An exact result would pass a declared limit (safe integers, members of a set). Never answered with an estimate or a
 * wrapped number.
 */
export class LimitError extends Error {
  override readonly name = 'LimitError'
  readonly code = 'LIMIT'
}
