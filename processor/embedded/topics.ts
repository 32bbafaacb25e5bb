import type { World } from '../ports.ts'
import { codes } from './codes.ts'
import { configProblem, TopicConfigs } from './configs.ts'
import { PartitionLog } from './log.ts'

export interface Topic {
  readonly name: string
  /** 32 hex digits. A topic of the same name that is made again has another one (KIP-516). */
  readonly id: string
  readonly configs: TopicConfigs
  readonly replication: number
  readonly partitions: PartitionLog[]
}

export interface NewTopicRequest {
  readonly name: string
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly assignments?: readonly unknown[]
  readonly configs?: readonly { readonly name: string; readonly value: string | null }[]
}

export interface Problem {
  readonly errorCode: number
  readonly message: string | null
}

const fine: Problem = { errorCode: codes.NONE, message: null }

/** The topics of the cluster, and who leads their partitions. */
export class Topics {
  readonly #world: World
  readonly #brokers: number
  readonly #defaultPartitions: number
  readonly #byName = new Map<string, Topic>()
  readonly #byId = new Map<string, Topic>()

  constructor(world: World, brokers: number, defaultPartitions: number) {
    this.#world = world
    this.#brokers = brokers
    this.#defaultPartitions = defaultPartitions
  }

  get(name: string): Topic | undefined {
    return this.#byName.get(name)
  }

  byId(id: string): Topic | undefined {
    return this.#byId.get(id)
  }

  log(name: string, partition: number): PartitionLog | undefined {
    return this.#byName.get(name)?.partitions[partition]
  }

  all(): Iterable<Topic> {
    return this.#byName.values()
  }

  /** Node ids are counted from 1; partitions go round. */
  leader(partition: number): number {
    return (partition % this.#brokers) + 1
  }

  create(request: NewTopicRequest, validateOnly = false): Problem {
    const { name, replicationFactor } = request
    const configs = new Map((request.configs ?? []).map(each => [each.name, each.value ?? '']))
    const assigned = request.assignments?.length ?? 0
    const count =
      assigned > 0 ? assigned : request.numPartitions === -1 ? this.#defaultPartitions : request.numPartitions
    const badName = nameProblem(name)
    if (badName !== null) return { errorCode: codes.INVALID_TOPIC_EXCEPTION, message: badName }
    if (this.#byName.has(name)) {
      return { errorCode: codes.TOPIC_ALREADY_EXISTS, message: `Topic '${name}' already exists.` }
    }
    if (count < 1)
      return { errorCode: codes.INVALID_PARTITIONS, message: 'Number of partitions must be larger than 0.' }
    if (replicationFactor === 0 || replicationFactor < -1 || replicationFactor > this.#brokers) {
      const message = `Replication factor ${replicationFactor} does not fit ${this.#brokers} broker(s).`
      return { errorCode: codes.INVALID_REPLICATION_FACTOR, message }
    }
    const badConfig = configProblem(configs)
    if (badConfig !== null) return { errorCode: codes.INVALID_CONFIG, message: badConfig }
    if (!validateOnly) this.#add(name, count, Math.max(1, replicationFactor), new TopicConfigs(configs))
    return fine
  }

  #add(name: string, count: number, replication: number, configs: TopicConfigs): void {
    const words = Array.from({ length: 4 }, () => Math.floor(this.#world.random.next() * 0x1_0000_0000))
    const id = words.map(word => word.toString(16).padStart(8, '0')).join('')
    const partitions = Array.from({ length: count }, (_, partition) => new PartitionLog(name, partition))
    const topic: Topic = { name, id, configs, replication, partitions }
    this.#byName.set(name, topic)
    this.#byId.set(id, topic)
  }

  addPartitions(name: string, count: number): Problem {
    const topic = this.#byName.get(name)
    if (topic === undefined) return { errorCode: codes.UNKNOWN_TOPIC_OR_PARTITION, message: `No topic '${name}'.` }
    if (count <= topic.partitions.length) {
      const message = `Topic '${name}' has ${topic.partitions.length} partitions; ${count} would not be an increase.`
      return { errorCode: codes.INVALID_PARTITIONS, message }
    }
    for (let partition = topic.partitions.length; partition < count; partition++) {
      topic.partitions.push(new PartitionLog(name, partition))
    }
    return fine
  }

  delete(topic: Topic): void {
    this.#byName.delete(topic.name)
    this.#byId.delete(topic.id)
    // Those who wait for records of it learn that it is gone.
    for (const log of topic.partitions) log.changed()
  }
}

function nameProblem(name: string): string | null {
  if (name === '') return 'Topic name is invalid: the empty string is not allowed'
  if (name === '.' || name === '..') return `Topic name is invalid: '.' or '..' is not allowed`
  if (name.length > 249) return 'Topic name is invalid: the length is longer than 249 characters'
  return /^[a-zA-Z0-9._-]+$/.test(name)
    ? null
    : `Topic name is invalid: '${name}' contains other than a-z A-Z 0-9 . _ -`
}
