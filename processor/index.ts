// Everything that a user of the library may name. What is not here may change at any time.

// What flows.
export { topic, type Topic } from '../schemas/topic.ts'
export { DecodeError, EncodeError, NotReady, type Serde, type SerdePlace } from '../schemas/serde.ts'
export { bigint64, float64, int32, int64, json, rawBytes, text } from '../schemas/serdes.ts'
export { avro } from '../schemas/avro.ts'
export { type RegisteredSchema, type Registry, RegistryUnavailable } from '../schemas/registry.ts'
export { memoryRegistry } from '../schemas/registry-memory.ts'
export { restRegistry, type RestRegistryOptions } from '../schemas/registry-rest.ts'

// What to compute.
export {
  type Grouped,
  type Stream,
  type Table,
  topology,
  type Topology,
  type TrailingTable,
  type WindowedGroup,
  type WindowedTable,
} from '../topology/stream.ts'
export { type, type TopologyOptions } from '../topology/options.ts'
export { type Aggregate, over, type Over, prior, type Reversible } from '../topology/aggregates.ts'
export { bigintSum, count, ratio, type Share, sum } from '../topology/counting.ts'
export { floatSum, max, mean, min, stddev } from '../topology/statistics.ts'
export { distinct, distinctCount, type Member } from '../topology/members.ts'
export { top, type TopRow } from '../topology/top.ts'
export { approximateDistinctCount, approximateTop, type ApproximateTopRow } from '../topology/approximate.ts'
export { quantile, quantiles } from '../topology/quantile.ts'
export { first, latest, list } from '../topology/picking.ts'
export { custom } from '../topology/custom.ts'
export {
  type Deleted,
  type Duration,
  hopping,
  session,
  type SessionWindow,
  sliding,
  type SlidingWindow,
  tumbling,
  type Window,
} from '../topology/windows.ts'
export {
  keyValueState,
  type KeyValueState,
  logState,
  type LogState,
  windowState,
  type WindowState,
} from '../topology/state.ts'
export type { InputRecord, ProcessorContext, ProcessorInstance, RecordMeta } from '../topology/process.ts'
export type { DeadLetters, Failure, OnFailure } from '../topology/plan.ts'
export { LimitError, TopologyError } from '../topology/errors.ts'
export { describe } from '../topology/describe.ts'
export { compile } from '../topology/compile.ts'
export type { Compiled } from '../topology/compiled.ts'

// Running it.
export { createApp, type CreateAppOptions } from './create-app.ts'
export type { App, AppState } from './runtime/app.ts'
export { createThreads, type CreateThreadsOptions } from './threads/create-threads.ts'
export type { ThreadContext, ThreadFunction, ThreadParts } from './threads/context.ts'
export type { OnCrash } from './threads/crash-policy.ts'
export type { Threads } from './threads/threads.ts'
export type { Settings } from './runtime/config.ts'
export { AppError, type ErrorCode } from './errors.ts'
export type { Admin, Fetcher, Kafka, Log, Producer, Transport, World } from './ports.ts'
export type { Store, Stores } from './state-port.ts'
export { silentLog, systemWorld } from './world.ts'

// Adapters.
export { nativeKafka, type NativeKafkaOptions } from './kafka/native/client.ts'
export { tcpTransport, type TcpOptions } from './kafka/native/tcp.ts'
export { type EmbeddedBroker, embeddedBroker } from './embedded/broker.ts'
export { holdStateFolder, levelStores, type StateFolder } from './state/level.ts'
export { memoryStores } from './state/memory.ts'

// Seeing it.
export { createLog, type LogOptions } from './observe/log.ts'
export { Metrics } from './observe/metrics.ts'
export type { Readings } from './observe/readings.ts'
export { type ObserveServer, startServer } from './observe/server.ts'
