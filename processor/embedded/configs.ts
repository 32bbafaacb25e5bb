/** Settings of a topic and their defaults, as those of Kafka that mean something here or that clients ask for. */
const defaults: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'compression.type': 'producer',
  'delete.retention.ms': '86400000',
  'file.delete.delay.ms': '60000',
  'flush.messages': '9223372036854775807',
  'flush.ms': '9223372036854775807',
  'index.interval.bytes': '4096',
  'max.compaction.lag.ms': '9223372036854775807',
  'max.message.bytes': '1048588',
  'message.timestamp.after.max.ms': '3600000',
  'message.timestamp.before.max.ms': '9223372036854775807',
  'message.timestamp.type': 'CreateTime',
  'min.cleanable.dirty.ratio': '0.5',
  'min.compaction.lag.ms': '0',
  'min.insync.replicas': '1',
  preallocate: 'false',
  'retention.bytes': '-1',
  'retention.ms': '604800000',
  'segment.bytes': '1073741824',
  'segment.index.bytes': '10485760',
  'segment.jitter.ms': '0',
  'segment.ms': '604800000',
  'unclean.leader.election.enable': 'false',
}

const policies = new Set(['delete', 'compact', 'compact,delete', 'delete,compact', ''])
const texts = new Set([
  'cleanup.policy',
  'compression.type',
  'message.timestamp.type',
  'preallocate',
  'unclean.leader.election.enable',
])

export class TopicConfigs {
  readonly #given: ReadonlyMap<string, string>

  constructor(given: ReadonlyMap<string, string>) {
    this.#given = given
  }

  text(name: string): string {
    return this.#given.get(name) ?? defaults[name] ?? ''
  }

  number(name: string): number {
    return Number(this.text(name))
  }

  get compacted(): boolean {
    return this.text('cleanup.policy').includes('compact')
  }

  get deletes(): boolean {
    return this.text('cleanup.policy').includes('delete')
  }

  /** As DescribeConfigs answers them: source 1 is the topic's own setting, 5 the default. */
  entries(): { name: string; value: string; own: boolean }[] {
    return Object.keys(defaults).map(name => ({ name, value: this.text(name), own: this.#given.has(name) }))
  }
}

/** What is wrong with the settings of a new topic; null when they are right. */
export function configProblem(given: ReadonlyMap<string, string>): string | null {
  for (const [name, value] of given) {
    if (defaults[name] === undefined) return `Unknown topic config name: ${name}`
    const isText = texts.has(name)
    if (!isText && (value === '' || !Number.isFinite(Number(value))))
      return `Invalid value ${value} for configuration ${name}`
    if (name === 'cleanup.policy' && !policies.has(value)) return `Invalid value ${value} for configuration ${name}`
    // Stamping would mean to rewrite and re-sum every batch; nothing of ours asks for it.
    if (name === 'message.timestamp.type' && value !== 'CreateTime') {
      return `The embedded broker keeps the timestamps of producers: ${name} can only be CreateTime`
    }
  }
  return null
}
