import { codes } from './codes.ts'
import type { Groups } from './groups.ts'
import type { NewTopicRequest, Topic, Topics } from './topics.ts'

export interface ClusterView {
  readonly clusterId: string
  readonly nodes: readonly {
    readonly nodeId: number
    readonly host: string
    readonly port: number
    readonly rack: null
  }[]
}

const unknownOperations = -2147483648
const noId = '0'.repeat(32)
const topicResource = 2

/** Metadata and the requests that change or describe topics. */
export class Admin {
  readonly #topics: Topics
  readonly #groups: Groups
  readonly #cluster: ClusterView
  readonly #autoCreate: boolean

  constructor(topics: Topics, groups: Groups, cluster: ClusterView, autoCreate: boolean) {
    this.#topics = topics
    this.#groups = groups
    this.#cluster = cluster
    this.#autoCreate = autoCreate
  }

  metadata(request: {
    readonly topics?: readonly { readonly topicId?: string; readonly name: string | null }[] | null
    readonly allowAutoTopicCreation?: boolean
  }): object {
    const { clusterId, nodes } = this.#cluster
    const mayCreate = this.#autoCreate && request.allowAutoTopicCreation !== false
    const asked = request.topics ?? null
    const topics =
      asked === null
        ? [...this.#topics.all()].map(topic => this.#described(topic))
        : asked.map(({ name, topicId }) => {
            if (name === null || name === undefined) {
              const topic = this.#topics.byId(topicId ?? noId)
              return topic === undefined
                ? missing(null, topicId ?? noId, codes.UNKNOWN_TOPIC_ID)
                : this.#described(topic)
            }
            if (mayCreate) this.#topics.create({ name, numPartitions: -1, replicationFactor: -1 })
            const topic = this.#topics.get(name)
            return topic === undefined ? missing(name, noId, codes.UNKNOWN_TOPIC_OR_PARTITION) : this.#described(topic)
          })
    return { throttleTimeMs: 0, brokers: nodes, clusterId, controllerId: 1, topics }
  }

  #described({ name, id, partitions, replication }: Topic): object {
    return {
      errorCode: codes.NONE,
      name,
      topicId: id,
      isInternal: false,
      topicAuthorizedOperations: unknownOperations,
      partitions: partitions.map((_, partitionIndex) => {
        const leaderId = this.#topics.leader(partitionIndex)
        const count = this.#cluster.nodes.length
        const replicas = Array.from({ length: replication }, (_each, turn) => ((leaderId - 1 + turn) % count) + 1)
        return {
          errorCode: codes.NONE,
          partitionIndex,
          leaderId,
          leaderEpoch: 0,
          replicaNodes: replicas,
          isrNodes: replicas,
          offlineReplicas: [],
        }
      }),
    }
  }

  describeCluster(): object {
    const { clusterId, nodes } = this.#cluster
    const brokers = nodes.map(({ nodeId, host, port, rack }) => ({ brokerId: nodeId, host, port, rack }))
    return {
      throttleTimeMs: 0,
      errorCode: codes.NONE,
      errorMessage: null,
      endpointType: 1,
      clusterId,
      controllerId: 1,
      brokers,
      clusterAuthorizedOperations: unknownOperations,
    }
  }

  createTopics(request: { readonly topics: readonly NewTopicRequest[]; readonly validateOnly?: boolean }): object {
    const topics = request.topics.map(asked => {
      const { errorCode, message } = this.#topics.create(asked, request.validateOnly === true)
      const made = errorCode === codes.NONE ? this.#topics.get(asked.name) : undefined
      return {
        name: asked.name,
        topicId: made?.id ?? noId,
        errorCode,
        errorMessage: message,
        topicConfigErrorCode: codes.NONE,
        numPartitions: made?.partitions.length ?? -1,
        replicationFactor: made?.replication ?? -1,
        configs: made?.configs.entries().map(entry => config(entry)) ?? null,
      }
    })
    return { throttleTimeMs: 0, topics }
  }

  deleteTopics(request: {
    readonly topics: readonly { readonly name: string | null; readonly topicId?: string }[]
  }): object {
    const responses = request.topics.map(({ name, topicId }) => {
      const byId = name === null || name === undefined
      const topic = byId ? this.#topics.byId(topicId ?? noId) : this.#topics.get(name)
      if (topic === undefined) {
        const errorCode = byId ? codes.UNKNOWN_TOPIC_ID : codes.UNKNOWN_TOPIC_OR_PARTITION
        return { name: name ?? null, topicId: topicId ?? noId, errorCode, errorMessage: 'The topic does not exist.' }
      }
      this.#topics.delete(topic)
      for (const group of this.#groups.all()) group.offsets.forget(topic.name)
      return { name: topic.name, topicId: topic.id, errorCode: codes.NONE, errorMessage: null }
    })
    return { throttleTimeMs: 0, responses }
  }

  createPartitions(request: { readonly topics: readonly { readonly name: string; readonly count: number }[] }): object {
    const results = request.topics.map(({ name, count }) => {
      const { errorCode, message } = this.#topics.addPartitions(name, count)
      return { name, errorCode, errorMessage: message }
    })
    return { throttleTimeMs: 0, results }
  }

  describeConfigs(request: {
    readonly resources: readonly {
      readonly resourceType: number
      readonly resourceName: string
      readonly configurationKeys?: readonly string[] | null
    }[]
  }): object {
    const results = request.resources.map(({ resourceType, resourceName, configurationKeys }) => {
      const named = { resourceType, resourceName }
      // Brokers have no settings here that a client could read.
      if (resourceType !== topicResource) return { errorCode: codes.NONE, errorMessage: null, ...named, configs: [] }
      const topic = this.#topics.get(resourceName)
      if (topic === undefined) {
        const errorMessage = `No topic '${resourceName}'.`
        return { errorCode: codes.UNKNOWN_TOPIC_OR_PARTITION, errorMessage, ...named, configs: [] }
      }
      const keys = configurationKeys ?? null
      const entries = topic.configs.entries().filter(({ name }) => keys === null || keys.includes(name))
      return { errorCode: codes.NONE, errorMessage: null, ...named, configs: entries.map(entry => config(entry)) }
    })
    return { throttleTimeMs: 0, results }
  }

  deleteRecords(
    request: {
      readonly topics: readonly {
        readonly name: string
        readonly partitions: readonly { readonly partitionIndex: number; readonly offset: number }[]
      }[]
    },
    node: number,
  ): object {
    const topics = request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, offset }) => {
        const refused = (errorCode: number): object => ({ partitionIndex, lowWatermark: -1, errorCode })
        const topic = this.#topics.get(name)
        const log = topic?.partitions[partitionIndex]
        if (topic === undefined || log === undefined) return refused(codes.UNKNOWN_TOPIC_OR_PARTITION)
        if (this.#topics.leader(partitionIndex) !== node) return refused(codes.NOT_LEADER_OR_FOLLOWER)
        if (!topic.configs.deletes) return refused(codes.POLICY_VIOLATION)
        const before = offset === -1 ? log.endOffset : offset
        if (before < 0 || before > log.endOffset) return refused(codes.OFFSET_OUT_OF_RANGE)
        log.deleteBefore(before)
        return { partitionIndex, lowWatermark: log.logStartOffset, errorCode: codes.NONE }
      }),
    }))
    return { throttleTimeMs: 0, topics }
  }
}

const missing = (name: string | null, topicId: string, errorCode: number): object => ({
  errorCode,
  name,
  topicId,
  isInternal: false,
  partitions: [],
  topicAuthorizedOperations: unknownOperations,
})

const config = ({ name, value, own }: { name: string; value: string; own: boolean }): object => ({
  name,
  value,
  readOnly: false,
  configSource: own ? 1 : 5,
  isSensitive: false,
  synonyms: [],
  configType: 0,
  documentation: null,
})
